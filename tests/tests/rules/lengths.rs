//! A file has one purpose, and so at most 400 lines.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const MOST: usize = 400;
/// Longer ones. This list may only shrink.
const LONG: [&str; 18] = [
    "client-core/src/format/origin.rs",
    "client-core/src/format/snapshot_body.rs",
    "client-core/src/ops/timer/mod.rs",
    "client-core/src/source/process.rs",
    "client-core/src/source/script/judge.rs",
    "client-core/src/source/script/lexer.rs",
    "client-core/src/source/script/tests/mod.rs",
    "client-core/src/source/completeness/pgdmp.rs",
    "client-core/tests/ports/api_session.rs",
    "client-core/tests/ports/source_postgres_script.rs",
    "client-core/tests/storage/unwrap.rs",
    "client-core/tests/storage/vectors.rs",
    "metadata-api/tests/api/support/client.rs",
    "tests/src/service.rs",
    "tests/tests/desktop.rs",
    "tests/tests/stories/terminal.rs",
    "ui/tests/scenarios.ts",
    "ui/tests/screens.test.js",
];

fn walk(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is = |name: &&str| path.ends_with(name);
        if path.is_dir() && !["target", "node_modules", "dist", "bindings"].iter().any(is) {
            walk(&path, all);
        } else if path.extension().is_some_and(|it| ["rs", "ts", "js", "svelte"].iter().any(|one| it == *one))
        {
            all.push(path);
        }
    }
}

#[test]
fn no_file_is_longer_than_its_purpose_needs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in ["app", "client-core", "metadata-api", "tests", "ui/src", "ui/tests"] {
        walk(&root.join(folder), &mut files);
    }
    assert!(files.len() > 400, "only {} files were read", files.len());
    let is_long = |path: &PathBuf| fs::read_to_string(path).unwrap().lines().count() > MOST;
    let shown = |path: PathBuf| path.strip_prefix(root).unwrap().display().to_string();
    let found: BTreeSet<String> = files.into_iter().filter(is_long).map(shown).collect();
    let known: BTreeSet<String> = LONG.iter().map(|&path| path.to_owned()).collect();
    let (new, gone): (Vec<_>, Vec<_>) =
        (found.difference(&known).collect(), known.difference(&found).collect());
    assert!(new.is_empty(), "more than {MOST} lines, so split them: {new:#?}");
    assert!(gone.is_empty(), "no longer too long, so remove them from the list: {gone:#?}");
}
