//! Every decision record has a unique number and is listed in CONTRIBUTING.md with its title.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

#[test]
fn decisions_are_numbered_once_and_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut records = Vec::new();
    for crate_ in ["client-core", "metadata-api", "metadata-api/types", "app/cli", "app/desktop", "tests"] {
        let folder = format!("{crate_}/docs/decisions");
        for file in fs::read_dir(root.join(&folder)).into_iter().flatten().flatten() {
            let name = file.file_name().into_string().unwrap();
            let title = fs::read_to_string(file.path()).unwrap().lines().next().unwrap().to_owned();
            let (number, title) = title.strip_prefix("# ").unwrap().split_once(' ').unwrap();
            assert_eq!(number, &name[..4], "{name}");
            records.push(format!("| [{number}]({folder}/{name}) | {title} |"));
        }
    }
    records.sort_by_key(|row| row[3..7].to_owned());
    let numbers =
        records.iter().enumerate().map(|(at, row)| (format!("{:04}", at + 1), row[3..7].to_owned()));
    for (expected, number) in numbers {
        assert_eq!(number, expected, "the numbers have a gap or a duplicate");
    }
    let text = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let listed: Vec<&str> = text.lines().filter(|line| line.starts_with("| [0")).collect();
    assert_eq!(listed, records);
}
