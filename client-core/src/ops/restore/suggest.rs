//! Names to suggest for what is restored, and the command that opens it.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    shell::quoted,
    source::{
        AnySource,
        sentinel::{ENOUGH, Format},
    },
};

/// Longest name of a PostgreSQL database, bytes.
const MAX_DATABASE: usize = 63;
/// Attempts to find a name that is free.
const ATTEMPTS: u32 = 100;

/// A file in `folder` that does not exist: `shop-2026-11-25-1250.dump`. `created`: of the snapshot, seconds since 1970.
#[must_use]
pub fn file(folder: &Path, source: &str, kind: &str, created: i64) -> PathBuf {
    let (stem, extension) = file_name(source, kind, created, &TimeZone::system());
    let free = |number: u32| match number {
        1 => folder.join(format!("{stem}{extension}")),
        _ => folder.join(format!("{stem}-{number}{extension}")),
    };
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

fn file_name(source: &str, kind: &str, created: i64, zone: &TimeZone) -> (String, String) {
    // The name of a file keeps its ending.
    let (stem, extension) = match source.find('.') {
        Some(at @ 1..) if kind == "file" => source.split_at(at),
        _ => (source, ".dump"),
    };
    let clean = |text: &str| -> String {
        text.chars().map(|c| if matches!(c, '/' | '\\' | ':') || c.is_control() { '_' } else { c }).collect()
    };
    let stem = clean(stem);
    let stem = stem.strip_prefix('.').map_or_else(|| stem.clone(), |rest| format!("_{rest}"));
    (format!("{stem}-{}", date(created, "%Y-%m-%d-%H%M", zone)), clean(extension))
}

fn database_name(name: &str, created: i64, zone: &TimeZone) -> String {
    let end = format!("_restored_{}", date(created, "%Y%m%d", zone));
    let mut length = name.len().min(MAX_DATABASE - end.len());
    while !name.is_char_boundary(length) {
        length -= 1;
    }
    format!("{}{end}", name.get(..length).unwrap_or_default())
}

fn date(seconds: i64, format: &str, zone: &TimeZone) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default().to_zoned(zone.clone());
    time.strftime(format).to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// 2026-11-25 12:50 UTC.
    const CREATED: i64 = 1_795_611_000;

    #[test]
    fn names_say_what_and_when() {
        let file = |source, kind| {
            let (stem, extension) = file_name(source, kind, CREATED, &TimeZone::UTC);
            stem + &extension
        };
        assert_eq!(file("shop", "postgres"), "shop-2026-11-25-1250.dump");
        assert_eq!(file("shop.eu", "postgres"), "shop.eu-2026-11-25-1250.dump");
        assert_eq!(file("legacy.sql.gz", "file"), "legacy-2026-11-25-1250.sql.gz");
        assert_eq!(file("../etc/x\n", "postgres"), "_._etc_x_-2026-11-25-1250.dump");
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
}
