//! Names to suggest for what is restored, and the command that opens it.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use api_types::unseen::is_unseen;
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    shell::quoted,
    source::{
        AnySource,
        completeness::{ENOUGH, Format},
    },
};

/// Longest name of a file, bytes.
const MAX_FILE: usize = 255;
/// Longest name of a PostgreSQL database, bytes.
const MAX_DATABASE: usize = 63;
/// Attempts to find a name that is free.
const ATTEMPTS: u32 = 100;

/// A file in `folder` that does not exist: `shop-2026-11-25-1250.dump`. `created`: of the snapshot, seconds since 1970.
#[must_use]
pub fn file(folder: &Path, source: &str, kind: &str, created: i64) -> PathBuf {
    let free = |number| folder.join(file_name(source, kind, created, number, &TimeZone::system()));
    (1..ATTEMPTS).map(free).find(|path| !path.exists()).unwrap_or_else(|| free(1))
}

/// A new database: `shop_restored_20261125`.
#[must_use]
pub fn database(name: &str, created: i64) -> String {
    database_name(name, created, &TimeZone::system())
}

/// The command that loads a restored dump into a database, or `None` if none is known for it.
#[must_use]
pub fn load_command(path: &Path) -> Option<String> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(ENOUGH as u64).read_to_end(&mut head).ok()?;
    let path = path.display().to_string();
    let file = quoted(&path);
    match Format::of(&head) {
        Format::PgCustom | Format::PgCustomNewer => Some(format!("pg_restore --dbname=NEW_DATABASE {file}")),
        Format::PgPlain => Some(format!("psql --dbname=NEW_DATABASE --file={file}")),
        _ => None,
    }
}

/// The command that opens a restored database, without a password.
#[must_use]
pub fn open_command(database: &AnySource) -> String {
    format!("psql {}", quoted(&database.address()))
}

/// `number`: of the attempt, from 1.
fn file_name(source: &str, kind: &str, created: i64, number: u32, zone: &TimeZone) -> String {
    // The name of a file keeps its ending.
    let (stem, extension) = match source.char_indices().skip(1).find(|(_, c)| *c == '.') {
        Some((at, _)) if kind == "file" => source.split_at(at),
        _ => (source, ".dump"),
    };
    let clean = |text: &str| text.replace(|c: char| matches!(c, '/' | '\\' | ':') || is_unseen(c), "_");
    let mut stem = clean(stem);
    // Neither hidden nor taken for an option.
    if stem.starts_with(['.', '-']) {
        stem.replace_range(..1, "_");
    }
    let again = if number == 1 { String::new() } else { format!("-{number}") };
    let mut end = format!("-{}{again}{}", date(created, "%Y-%m-%d-%H%M", zone), clean(extension));
    end.truncate(end.floor_char_boundary(MAX_FILE / 2));
    stem.truncate(stem.floor_char_boundary(MAX_FILE - end.len()));
    stem + &end
}

fn database_name(name: &str, created: i64, zone: &TimeZone) -> String {
    let end = format!("_restored_{}", date(created, "%Y%m%d", zone));
    let start = name.get(..name.floor_char_boundary(MAX_DATABASE - end.len())).unwrap_or_default();
    format!("{start}{end}")
}

fn date(seconds: i64, format: &str, zone: &TimeZone) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default().to_zoned(zone.clone());
    time.strftime(format).to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-25 12:50 UTC.
    const CREATED: i64 = 1_795_611_000;

    #[test]
    fn names_say_what_and_when() {
        let file = |source, kind| file_name(source, kind, CREATED, 1, &TimeZone::UTC);
        assert_eq!(file("shop", "postgres"), "shop-2026-11-25-1250.dump");
        assert_eq!(file("shop.eu", "postgres"), "shop.eu-2026-11-25-1250.dump");
        assert_eq!(file("legacy.sql.gz", "file"), "legacy-2026-11-25-1250.sql.gz");
        assert_eq!(file("../etc/x\n", "postgres"), "_._etc_x_-2026-11-25-1250.dump");
        assert_eq!(file(".env.sql", "file"), "_env-2026-11-25-1250.sql");
        assert_eq!(file("--help", "stdin"), "_-help-2026-11-25-1250.dump");
        assert_eq!(file("Ada's \u{202e}lqs.dump", "file"), "Ada's _lqs-2026-11-25-1250.dump");
        assert_eq!(file_name("a.sql", "file", CREATED, 7, &TimeZone::UTC), "a-2026-11-25-1250-7.sql");
        // A day is the local one.
        let zone = TimeZone::fixed(jiff::tz::offset(12));
        assert_eq!(file_name("a", "postgres", CREATED, 1, &zone), "a-2026-11-26-0050.dump");
        assert_eq!(database_name("shop", CREATED, &zone), "shop_restored_20261126");
        let database = |name: &str| database_name(name, CREATED, &TimeZone::UTC);
        assert_eq!(database("shop"), "shop_restored_20261125");
        let long = database(&"ä".repeat(40));
        assert!(long.len() <= MAX_DATABASE && long.ends_with("ä_restored_20261125"), "{long}");
    }

    #[test]
    fn a_suggested_file_is_new_and_its_command_suits_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = super::file(folder.path(), "shop", "postgres", CREATED);
        std::fs::write(&first, b"PGDMP\x01\x0f\x00 and so on").unwrap();
        let second = super::file(folder.path(), "shop", "postgres", CREATED);
        assert_ne!(first, second);
        assert!(load_command(&first).unwrap().starts_with("pg_restore --dbname=NEW_DATABASE "));
        std::fs::write(&second, b"\x1f\x8bsomething").unwrap();
        assert_eq!(load_command(&second), None);
    }

    #[test]
    fn a_taken_name_gets_a_number_and_the_last_resort_is_the_first_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = Vec::new();
        for _ in 1..ATTEMPTS {
            let path = super::file(folder.path(), "shop.sql", "file", CREATED);
            std::fs::write(&path, b"").unwrap();
            assert!(!seen.contains(&path));
            seen.push(path);
        }
        assert!(seen[1].display().to_string().ends_with("-2.sql"), "{:?}", seen[1]);
        // The restore itself refuses an existing file.
        assert_eq!(super::file(folder.path(), "shop.sql", "file", CREATED), seen[0]);
    }

    #[test]
    fn a_command_names_the_file_and_the_database_whatever_they_are_called() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Ada's $(dump); 100%.sql");
        let dump = b"--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n";
        std::fs::write(&path, dump).unwrap();
        let words = shlex::split(&load_command(&path).unwrap()).unwrap();
        assert_eq!(words, ["psql", "--dbname=NEW_DATABASE", &format!("--file={}", path.display())]);
        assert_eq!(load_command(&folder.path().join("absent")), None);
        assert_eq!(load_command(folder.path()), None);

        for (given, shown) in [
            ("postgres://ada:hunter299@db1/shop", "postgres://ada@db1:5432/shop"),
            ("postgres:///50%25", "postgres:///50%25"),
            ("host=/run/pg user=a\\'b password=hunter299 dbname=x", "postgres://a%27b@%2Frun%2Fpg:5432/x"),
        ] {
            let database = crate::source::database(given).unwrap();
            assert_eq!(shlex::split(&open_command(&database)).unwrap(), ["psql", shown]);
        }
    }

    proptest! {
        #[test]
        fn any_name_becomes_one_that_exists_nowhere_else(
            source in any::<String>(),
            long in "\\PC{0,300}",
            kind in prop_oneof![Just("file"), Just("postgres")],
            number in 1_u32..ATTEMPTS,
        ) {
            for source in [source, long] {
                let name = file_name(&source, kind, CREATED, number, &TimeZone::UTC);
                prop_assert!(name.len() <= MAX_FILE && name.contains("-2026-11-25-1250"), "{}", name);
                prop_assert!(!name.contains(['/', '\\', ':']) && !name.chars().any(is_unseen), "{:?}", name);
                prop_assert!(!name.starts_with('.'), "{}", name);
                let database = database_name(&source, CREATED, &TimeZone::UTC);
                prop_assert!(database.len() <= MAX_DATABASE && database.ends_with("_restored_20261125"));
            }
        }
    }
}
