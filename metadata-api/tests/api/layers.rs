//! Who may name what: what stands here cannot be got around by accident.

use std::{fs, path::Path};

/// A word, where it may stand in the source, and why nowhere else.
const RULES: &[(&str, &[&str], &str)] = &[
    (
        "sqlx::query",
        &["db/", "embedded/postgres"],
        "queries stand in db/, behind a transaction that says whose they are",
    ),
    ("PgPool", &["db/mod.rs"], "the pool is private: a handler cannot have it"),
    ("jsonwebtoken::", &["auth/token.rs"], "tokens are made and read in one place"),
    ("rusty_s3::", &["presign.rs"], "URLs are signed in one place"),
    ("SystemTime::now", &["state.rs", "embedded/"], "the clock is the state's, so that tests can move it"),
    ("SealKind::Totp", &["auth/"], "seeds are opened where codes are checked"),
];

fn files(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn each_word_in_its_place() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut all = Vec::new();
    files(root, &mut all);
    let mut offenders = Vec::new();
    for (word, places, why) in RULES {
        let mut seen = 0;
        for path in &all {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            let code = fs::read_to_string(path).unwrap();
            // Tests at a file's end may do as they like.
            let code = code.split("#[cfg(test)]").next().unwrap();
            if code.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word)) {
                seen += 1;
                if !places.iter().any(|place| name.starts_with(place)) {
                    offenders.push(format!("{name} names {word}: {why}"));
                }
            }
        }
        assert!(seen > 0, "{word} stands nowhere: is the rule out of date?");
    }
    assert!(offenders.is_empty(), "{offenders:#?}");
}
