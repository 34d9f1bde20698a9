//! A dump is not a program.

use super::*;

/// What a hostile dump holds runs neither on this machine nor beyond its database.
#[test]
fn text_from_a_dump_is_not_a_program() {
    let plain = String::from_utf8(dump("shop", &["-Fp"])).unwrap();
    let marker = tempfile::TempDir::new().unwrap();
    let file = marker.path().join("owned");
    for (hostile, existing) in [
        (format!("\\! touch {}\n", file.display()), false),
        (format!("\\! touch {}\n", file.display()), true),
        (format!("COPY item FROM PROGRAM 'touch {}';\n", file.display()), false),
        (format!("\\o |touch {}\nSELECT 1;\n", file.display()), false),
        ("ROLLBACK;\n".to_owned(), true),
        ("END;\nDROP TABLE item;\n".to_owned(), true),
    ] {
        if existing {
            SERVER.sql("postgres", "CREATE DATABASE hostile");
        }
        let script = plain.replacen("CREATE SCHEMA", &format!("{hostile}CREATE SCHEMA"), 1);
        let refused = restore(target("hostile", false), script.as_bytes()).unwrap_err();
        assert!(matches!(refused, SourceError::Script(_)), "{hostile}: {refused}");
        assert!(!file.exists(), "{hostile}");
        if existing {
            assert_eq!(SERVER.sql("hostile", "SELECT to_regclass('item') IS NULL"), "t");
            SERVER.sql("postgres", "DROP DATABASE hostile");
        }
        assert_eq!(databases("^hostile$"), "0");
    }
}

/// What reads differently under a setting that was changed in passing, or with a variable of psql's in it.
#[test]
fn a_dump_is_read_in_one_way() {
    let plain = String::from_utf8(dump("shop", &["-Fp"])).unwrap();
    let covertly = |name: &str, value: &str| {
        format!("DO $$ BEGIN PERFORM pg_catalog.set_config('{name}', '{value}', false); END $$;\n")
            .into_bytes()
    };
    let strings = covertly("standard_conforming_strings", "off");
    let encoding = covertly("client_encoding", "SJIS");
    for hostile in [
        [&strings[..], b"SELECT '\\' || '; COMMIT; DROP DATABASE victim; --';\n"].concat(),
        [
            &encoding[..],
            b"CREATE TABLE public.bait (a text);\n/* \x83*/ COPY public.bait FROM stdin;\n*/ COMMIT; DROP DATABASE victim;\n\\.\n",
        ]
        .concat(),
        b"CREATE TABLE public.bait (a text);\nCREATE VIEW public.seen AS SELECT (ARRAY[1])[1:e'\\''::text::int] AS x;\nCOPY public.bait FROM stdin;\n/* ' */ COMMIT; DROP DATABASE victim; COPY public.bait FROM stdin;\n\\.\n".to_vec(),
    ] {
        SERVER.sql("postgres", "CREATE DATABASE victim");
        let at = plain.find("CREATE SCHEMA").unwrap();
        let script = [&plain.as_bytes()[..at], &hostile, &plain.as_bytes()[at..]].concat();
        let restored = restore(target("read_once", false), &script);
        let shown = String::from_utf8_lossy(&hostile).into_owned();
        assert_eq!(databases("^victim$"), "1", "{shown}: {restored:?}");
        SERVER.sql("postgres", "DROP DATABASE IF EXISTS read_once");
        SERVER.sql("postgres", "DROP DATABASE victim");
    }
}
