//! The list of what keeps client-core from building on Windows is complete.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Every Rust file below this folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn every_file_that_needs_unix_is_listed() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("client-core");
    let source = core.join("src");
    let used: BTreeSet<String> = files(&source)
        .into_iter()
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            ["std::os::", "os::unix", "rustix::"].iter().any(|name| text.contains(name))
        })
        .map(|path| path.strip_prefix(&source).unwrap().to_str().unwrap().to_owned())
        .collect();
    let readme = fs::read_to_string(core.join("README.md")).unwrap();
    let (_, section) = readme.split_once("## What keeps it from building on Windows").unwrap();
    let (table, _) = section.split_once("Would compile").unwrap();
    let words = table.lines().filter(|line| line.starts_with('|')).flat_map(|line| line.split('`'));
    let listed: BTreeSet<String> =
        words.filter(|word| word.ends_with(".rs") && !word.contains(' ')).map(str::to_owned).collect();
    assert_eq!(listed, used, "client-core/README.md lists what keeps it from building on Windows");
}
