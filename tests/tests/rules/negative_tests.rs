//! `negative-tests.md` and the tests' names agree.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Number of cases in the threat model.
const CASES: u32 = 90;

#[derive(Debug, PartialEq, Eq)]
enum State {
    Tested,
    NotBuilt,
}

fn table() -> BTreeMap<u32, State> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("negative-tests.md")).unwrap();
    let mut cases = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| n ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, case, state, waits] = cells[..] else { panic!("four columns: {line}") };
        let number: u32 = number.parse().unwrap_or_else(|_| panic!("a number: {line}"));
        assert!(!case.is_empty(), "{line}");
        let state = if state == "tested" {
            State::Tested
        } else if let Some(issue) = state.strip_prefix("not built: ") {
            assert!(issue.starts_with("issue *"), "which issue builds it? {line}");
            State::NotBuilt
        } else {
            panic!("`tested` or `not built: issue *…*`: {line}")
        };
        assert!(waits.is_empty() || waits.contains("issue *"), "which issue does it wait for? {line}");
        assert!(
            waits.is_empty() || state == State::Tested,
            "only a tested case has a part that waits: {line}"
        );
        assert!(cases.insert(number, state).is_none(), "{number} is listed twice");
    }
    cases
}

/// The numbers of `n57_n58_…` or `n22_to_n25_…`, without the rest of the name.
fn numbers(name: &str) -> BTreeSet<u32> {
    let (mut found, mut range) = (BTreeSet::new(), None);
    for part in name.split('_') {
        match part.strip_prefix('n').and_then(|digits| digits.parse::<u32>().ok()) {
            Some(number) => found.extend(range.take().unwrap_or(number)..=number),
            None if part == "to" && range.is_none() => range = found.last().copied(),
            None => break,
        }
    }
    found
}

/// All numbered tests with their location, by number.
fn tests() -> BTreeMap<u32, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for path in
        ["app", "client-core", "metadata-api", "tests"].iter().flat_map(|dir| sources(&root.join(dir)))
    {
        let text = fs::read_to_string(&path).unwrap();
        let mut attributes = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[") || line.starts_with("//") {
                attributes.push(line);
                continue;
            }
            let attributes = std::mem::take(&mut attributes);
            let Some(name) = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ") else {
                continue;
            };
            let name = name.split(['(', '<']).next().unwrap();
            let numbers = numbers(name);
            if numbers.is_empty() {
                continue;
            }
            let at = format!("{}: {name}", path.strip_prefix(root).unwrap().display());
            let is = |prefix: &str| attributes.iter().any(|line| line.starts_with(prefix));
            assert!(is("#[test]") || is("#[tokio::test"), "{at} is no test");
            assert!(!is("#[ignore"), "{at} is left out");
            for number in numbers {
                found.entry(number).or_default().push(at.clone());
            }
        }
    }
    found
}

fn sources(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_number_is_tested_or_names_what_builds_it() {
    let (table, tests) = (table(), tests());
    assert!(table.keys().copied().eq(1..=CASES), "the table has other numbers than 1 to {CASES}");
    let mut differences = Vec::new();
    for (number, state) in &table {
        match (state, tests.get(number)) {
            (State::Tested, None) => {
                differences.push(format!("{number} is `tested`, and no test carries it"))
            }
            (State::NotBuilt, Some(tests)) => {
                differences.push(format!("{number} is `not built`, and tested: {tests:?}"));
            }
            (State::Tested, Some(_)) | (State::NotBuilt, None) => {}
        }
    }
    differences.extend(
        tests
            .iter()
            .filter(|(number, _)| !table.contains_key(number))
            .map(|(number, tests)| format!("{number} is not in the table: {tests:?}")),
    );
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn a_name_carries_its_numbers() {
    let of = |name| numbers(name).into_iter().collect::<Vec<_>>();
    assert_eq!(of("n09_n17_a_password_alone"), [9, 17]);
    assert_eq!(of("n22_to_n25_what_is_signed"), [22, 23, 24, 25]);
    assert_eq!(of("n01_wrong"), [1]);
    assert!(of("numbers").is_empty() && of("no_n12").is_empty() && of("n").is_empty());
}
