//! Imports flow one way. Every crate lists its layers at the top of its `lib.rs` (a program in its `main.rs`), and a
//! violation is reported here with its rule.
//!
//! Programs without layers may have no circle either. Not read: `ui`, which is not Rust; `client-core/fuzz` and
//! `tests/tests/liar`, whose files stand side by side.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::imports::{Crate, Name};

/// Source roots of the crates, relative to the repository.
const CRATES: [&str; 7] = [
    "metadata-api/types/src/lib.rs",
    "client-core/src/lib.rs",
    "metadata-api/src/lib.rs",
    "metadata-api/src/bin/metadata-api/main.rs",
    "app/cli/src/main.rs",
    "app/desktop/src/main.rs",
    "tests/src/lib.rs",
];

/// Programs without layers.
const PROGRAMS: [&str; 9] = [
    "tests/bench/main.rs",
    "tests/contract/main.rs",
    "tests/demo/main.rs",
    "tests/tests/stories/main.rs",
    "tests/tests/rules/main.rs",
    "tests/tests/measured/main.rs",
    "client-core/tests/ports/main.rs",
    "client-core/tests/storage/main.rs",
    "metadata-api/tests/api/main.rs",
];
/// Circles that remain: the first file calls a method that the second one adds to a type, and the second one uses the
/// first. This list may only shrink.
const HELD: [(&str, &str); 4] = [
    ("client-core/src/ops/open.rs", "client-core/src/ops/objects.rs"),
    ("client-core/src/ops/open.rs", "client-core/src/ops/sync.rs"),
    ("client-core/src/source/completeness/lines.rs", "client-core/src/source/completeness/beginning.rs"),
    ("metadata-api/src/config/environment.rs", "metadata-api/src/config/secrets.rs"),
];
/// Files that use what the `mod.rs` of their folder, or of one around it, defines while that uses them: how many pairs
/// each crate has. A number may only shrink.
const PAIRS: [usize; CRATES.len()] = [0, 55, 8, 0, 3, 5, 0];

/// A word in a crate's code, the files that may contain it, and the reason.
type Rule = (&'static str, &'static [&'static str], &'static str);
const PLACES: [(&str, &[Rule]); 2] = [
    (
        "client-core",
        &[
            (
                "aes_gcm::",
                &["crypto/hazmat.rs", "keystore/"],
                "one place encrypts; the key store has a format of its own",
            ),
            ("hkdf::", &["crypto/hazmat.rs"], "one place derives keys"),
            ("age::", &["crypto/identity.rs", "keystore/"], "one place seals to a recipient"),
            (
                "bip39::",
                &["crypto/words.rs", "crypto/words/tests.rs"],
                "one place reads and writes recovery words",
            ),
            ("fastcdc::", &["chunk/key.rs"], "one place makes the cutter's table"),
        ],
    ),
    (
        "metadata-api",
        &[
            ("sqlx::query", &["db/", "embedded/postgres"], "queries run in a tenant's transaction"),
            ("PgPool", &["db/mod.rs"], "the pool is private: a handler cannot have it"),
            ("jsonwebtoken::", &["keys/token.rs"], "tokens are issued and verified in one place"),
            ("rusty_s3::", &["presign.rs"], "URLs are signed in one place"),
            ("SystemTime::now", &["clock.rs", "embedded/"], "tests can move the clock"),
            ("SealKind::Totp", &["identity/", "keys/"], "seeds are opened where codes are checked"),
        ],
    ),
];
/// Folders of client-core that only compute: no I/O, no clock, no network, not even through another crate.
const PURE: [&str; 6] = ["chunk", "encode", "crypto", "format", "recovery_kit", "unwrap"];
const IMPURE: [&str; 13] = [
    "tokio",
    "reqwest",
    "rusqlite",
    "std::fs",
    "std::net",
    "std::time",
    "std::process",
    "std::env",
    "async fn",
    "SystemTime",
    "Instant",
    "println!",
    "tracing",
];

/// The repository's root.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn crates() -> Vec<Crate> {
    CRATES.iter().map(|path| Crate::read(&repository().join(path))).collect()
}

/// A module's file, relative to the repository.
fn shown(read: &Crate, name: &Name) -> String {
    read.modules[name].file.strip_prefix(repository()).unwrap().display().to_string()
}

#[test]
fn imports_go_down_the_layers() {
    let mut wrong = Vec::new();
    for read in crates() {
        let layers = read.layers();
        let at = |name: &Name| layers.iter().position(|layer| layer.contains(name.first().unwrap()));
        let all: BTreeSet<&String> = read.modules.keys().filter_map(|name| name.first()).collect();
        let listed: BTreeSet<&String> = layers.iter().flatten().collect();
        for odd in all.symmetric_difference(&listed) {
            let root = shown(&read, &Name::new());
            wrong.push(format!("{root}: `{odd}` is only in the layers or only in the code"));
        }
        for (name, imported) in read.imports() {
            for home in imported.iter().filter(|home| !home.is_empty() && !name.is_empty()) {
                if home.first() == name.first() {
                    continue;
                }
                if let (Some(from), Some(to)) = (at(name), at(home))
                    && to <= from
                {
                    let (from, to) = (name.first().unwrap(), home.first().unwrap());
                    wrong.push(format!(
                        "{} imports {}: `{from}` may not import `{to}`, which is listed above or beside it in {}",
                        shown(&read, name),
                        shown(&read, home),
                        shown(&read, &Name::new())
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_two_files_depend_on_each_other() {
    let mut circles = Vec::new();
    let mut held = HELD.to_vec();
    let programs = PROGRAMS.iter().map(|path| Crate::read(&repository().join(path)));
    for read in crates().into_iter().chain(programs) {
        let mut imports = read.imports();
        for (from, homes) in &mut imports {
            homes.retain(|to| {
                let (from, to) = (shown(&read, from), shown(&read, to));
                let known = held.iter().position(|edge| *edge == (from.as_str(), to.as_str()));
                known.map(|at| held.swap_remove(at)).is_none()
            });
        }
        for name in read.modules.keys() {
            // Nothing reachable from a file may lead back to it.
            let (mut reached, mut open) = (BTreeMap::new(), vec![name.clone()]);
            while let Some(next) = open.pop() {
                for home in imports.get(&next).into_iter().flatten() {
                    if !reached.contains_key(home) {
                        reached.insert(home.clone(), next.clone());
                        open.push(home.clone());
                    }
                }
            }
            if let Some(mut back) = reached.get(name).cloned() {
                let mut way = vec![shown(&read, name)];
                while &back != name {
                    way.push(shown(&read, &back));
                    back = reached[&back].clone();
                }
                way.reverse();
                circles.push(way.join(" → "));
            }
        }
    }
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
    assert!(held.is_empty(), "no circle any more, so remove it from HELD: {held:#?}");
}

#[test]
fn folders_and_their_files_untangle() {
    let mut wrong = Vec::new();
    for (read, held) in crates().into_iter().zip(PAIRS) {
        let imports = read.all_imports();
        let uses = |name: &Name, home: &Name| imports[name].contains(home);
        let pairs: Vec<String> = imports
            .iter()
            .flat_map(|(name, homes)| homes.iter().map(move |home| (*name, home)))
            .filter(|(name, home)| *name != *home && name.starts_with(home) && uses(home, name))
            .map(|(name, home)| format!("{} ↔ {}", shown(&read, home), shown(&read, name)))
            .collect();
        if pairs.len() != held {
            let all = pairs.join("\n");
            wrong.push(format!("{}: {} pairs, not {held}:\n{all}", shown(&read, &Name::new()), pairs.len()));
        }
    }
    assert!(wrong.is_empty(), "untangle them, or lower the number in PAIRS\n{}", wrong.join("\n"));
}

/// Every file of a folder, by relative path, without the tests at its end and without comment lines.
fn code(folder: &Path) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(folder, &mut files);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        (path.strip_prefix(folder).unwrap().display().to_string(), lines.join("\n"))
    };
    files.into_iter().map(read).collect()
}

/// Whether the code contains the word as a whole, not as the end of another one.
fn names(code: &str, word: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(goes_on))
}

#[test]
fn each_word_is_confined_to_its_place() {
    let mut wrong = Vec::new();
    for (name, rules) in PLACES {
        let files = code(&repository().join(name).join("src"));
        for (word, places, why) in rules {
            let found: Vec<_> = files.iter().filter(|(_, code)| names(code, word)).collect();
            assert!(!found.is_empty(), "{word} does not occur in {name}: is the rule out of date?");
            for (path, _) in found {
                if !places.iter().any(|place| path.starts_with(place)) {
                    wrong.push(format!("{name}: {path} names {word}: {why}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn pure_folders_do_no_io() {
    for folder in PURE {
        let files = code(&repository().join("client-core/src").join(folder));
        assert!(!files.is_empty(), "{folder}");
        for (path, code) in files {
            for word in IMPURE {
                assert!(!code.contains(word), "{folder}/{path}: {word}");
            }
        }
    }
}
