//! Who may import whom: downwards only. A module that is missing here is an error too.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const WORDS: &[&str] = &["id", "secret", "error", "event", "clock", "patience"];
const TRANSFORM: &[&str] = &["chunk", "encode", "crypto", "format"];

/// Module → modules it may name, besides itself.
fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let join = |lists: &[&[&'static str]]| lists.concat().into_iter().collect::<BTreeSet<_>>();
    // Words may turn any layer's error into the one that users see; they call nothing.
    let ports: &[&str] = &["source", "store", "api", "keystore", "output", "state"];
    let device = join(&[WORDS, TRANSFORM]);
    let port = join(&[WORDS, TRANSFORM, &["device"]]);
    let mut map = BTreeMap::from([
        ("id", join(&[])),
        ("secret", join(&[&["id"]])),
        ("clock", join(&[])),
        ("event", join(&[&["id", "patience"]])),
        ("patience", join(&[&["event"]])),
        ("process_guard", join(&[])),
        ("error", join(&[&["id"], TRANSFORM, ports, &["vault"]])),
        ("chunk", join(&[&["id", "secret"]])),
        ("encode", join(&[&["id", "chunk"]])),
        ("crypto", join(&[&["id", "secret", "chunk"]])),
        ("format", join(&[&["id", "secret", "chunk", "encode", "crypto"]])),
        ("kit", join(&[&["id", "secret", "crypto"]])),
        ("device", device),
        ("records", join(&[&["id", "secret", "chunk", "encode"]])),
        ("unwrap", join(&[&["encode"]])),
        ("vault", join(&[WORDS, TRANSFORM, &["device", "store", "api", "state"]])),
    ]);
    for name in ports {
        map.insert(name, port.clone());
    }
    let below: BTreeSet<_> = map.keys().copied().collect();
    map.insert("ops", below.clone());
    map.insert("bootstrap", below.into_iter().chain(["ops"]).collect());
    map
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Modules that a file names by `crate::`, also inside `crate::{a, b::c}`.
fn named(text: &str) -> BTreeSet<String> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + 7..];
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(ident(rest));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (i, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    names.insert(ident(list[start..i].trim_start()));
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.insert(ident(list[start..i].trim_start()));
                    start = i + 1;
                }
                _ => {}
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn ident(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect()
}

#[test]
fn imports_point_downwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let allowed = allowed();
    let mut wrong = Vec::new();
    for file in files {
        let path = file.strip_prefix(&root).unwrap();
        let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let Some(may) = allowed.get(module) else {
            wrong.push(format!("{}: a module without a place in this test", path.display()));
            continue;
        };
        for name in named(&fs::read_to_string(&file).unwrap()) {
            if name != module && !may.contains(name.as_str()) {
                wrong.push(format!("{}: {module} must not name {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The pure layers do no I/O, read no clock and know no network, whatever crate offers it.
#[test]
fn the_transform_layers_are_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let banned = [
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
    for module in TRANSFORM {
        let mut files = Vec::new();
        sources(&root.join(module), &mut files);
        assert!(!files.is_empty());
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for word in banned {
                assert!(!text.contains(word), "{}: {word}", file.display());
            }
        }
    }
}

/// Cipher and signature crates are named where they belong.
#[test]
fn cipher_crates_are_named_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    for file in files {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        for (word, home) in [
            ("aes_gcm::", "crypto/hazmat.rs"),
            ("hkdf::", "crypto/hazmat.rs"),
            ("age::", "crypto/identity.rs"),
            ("bip39::", "crypto/words.rs"),
            ("fastcdc::", "chunk/key.rs"),
        ] {
            let named = text
                .match_indices(word)
                .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
            // The keystore seals its file under a passphrase with the same crates' own formats.
            assert!(!named || path == home || path.starts_with("keystore/"), "{path}: {word}");
        }
    }
}

#[test]
fn the_reader_of_this_test_sees_nested_imports() {
    let names = named("use crate::{a::b, c::{d, e}, f};\nfn g() { crate::h::i() } // crate::no");
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a", "c", "f", "h"]);
}
