#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::{
    Policy,
    tests::{filter, whole},
};

proptest! {
    #[test]
    fn cuts_do_not_matter(parts in prop::collection::vec(prop::sample::select(PARTS), 0..12), cut in any::<prop::sample::Index>(), guard: bool) {
        let script = parts.concat();
        let policy = Policy { guard_settings: guard, ..Policy::default() };
        let (a, b) = script.as_bytes().split_at(cut.index(script.len() + 1));
        let single: Vec<&[u8]> = script.as_bytes().chunks(1).collect();
        let expected = filter(&policy, &[script.as_bytes()]);
        prop_assert_eq!(&filter(&policy, &[a, b]), &expected);
        prop_assert_eq!(&filter(&policy, &single), &expected);
    }

    #[test]
    fn any_literal_passes(text in any::<String>(), tag in "[a-z_]{0,5}") {
        prop_assume!(!text.contains('\0'));
        let quoted = text.replace('\'', "''");
        let escaped = text.replace('\\', "\\\\").replace('\'', "''");
        let name = text.replace('"', "\"\"");
        let tag = format!("${tag}$");
        let dollar = if text.contains('$') { String::new() } else { text.clone() };
        let script = format!("SELECT '{quoted}', E'{escaped}', \"{name}\", {tag}{dollar}{tag};\nSELECT 1;\n");
        prop_assert_eq!(whole(&script).unwrap(), script);
    }

    #[test]
    fn any_rows_pass(rows in prop::collection::vec("[^\0\n]{0,20}", 0..8)) {
        prop_assume!(!rows.iter().any(|row| row == "\\." || row == "\\.\r"));
        let data: String = rows.iter().map(|row| format!("{row}\n")).collect();
        let script = format!("COPY t FROM stdin;\n{data}\\.\nSELECT 1;\n");
        prop_assert_eq!(whole(&script).unwrap(), script);
    }
}

const PARTS: &[&str] = &[
    "SELECT",
    " ",
    "'",
    "\"",
    "$$",
    "$a$",
    "$",
    "E'",
    "\\",
    "\n",
    "\r",
    "--",
    "/*",
    "*/",
    ";",
    "(",
    ")",
    "COPY t FROM stdin;\n",
    "\\.\n",
    "COMMIT",
    "BEGIN",
    "ATOMIC",
    "END",
    "CASE",
    "CREATE FUNCTION ",
    ":",
    "A",
    "1",
    "e",
    "u&'",
    "''",
    "-",
    "/",
    "*",
    ".",
    "\u{feff}",
    "ä",
    "\\restrict a\n",
    "SET standard_conforming_strings = off;\n",
    "CREATE DATABASE a;",
    "\\connect a\n",
];
