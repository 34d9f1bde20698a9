//! No handler of the service imports another: what two of them need has a place of its own.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

/// What every handler may use: how requests are read.
const SHARED: [&str; 2] = ["extract", "page"];

/// The modules that code names after `super::`, also within braces.
fn siblings(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in code.split("super::").skip(1) {
        let (group, rest) = rest.strip_prefix('{').map_or((false, rest), |rest| (true, rest));
        let (mut depth, mut item) = (0, String::new());
        for c in rest.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' if group && depth == 0 => found.push(std::mem::take(&mut item)),
                '}' | ';' => break,
                _ if depth == 0 => item.push(c),
                _ => {}
            }
        }
        found.push(item);
    }
    let first = |item: String| item.split("::").next().unwrap_or_default().trim().to_owned();
    found.into_iter().map(first).filter(|name| !name.is_empty()).collect()
}

#[test]
fn handlers_import_no_other_handler() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("metadata-api/src/handlers");
    let mut read = 0;
    for file in fs::read_dir(folder).unwrap().flatten() {
        let name = file.file_name().into_string().unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        assert!(!code.contains("crate::handlers") && !code.contains(" handlers::"), "{name}");
        for sibling in siblings(code) {
            assert!(
                SHARED.contains(&sibling.as_str()),
                "{name} imports {sibling}: move what both need to identity, settlement or db"
            );
        }
        read += 1;
    }
    assert!(read > 10, "{read} files were read");
}

#[test]
fn an_import_of_a_sibling_is_found() {
    assert_eq!(siblings("use super::login;"), ["login"]);
    assert_eq!(siblings("use super::{extract::{Body, Query}, login::prove,};"), ["extract", "login"]);
}
