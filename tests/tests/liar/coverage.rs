//! No route and no response field without a lie.

use std::{collections::BTreeSet, fs, path::Path};

use api_types::Problem;
use e2e::liar::{
    edits::{EDITS, NOT_READ, PROBLEMS},
    schema::Schema,
};

use super::table::LIES;

/// Whether a route's success is a status alone: all that a client reads is whether it succeeded.
fn is_named(method: &str, path: &str) -> bool {
    let lies = LIES.iter().flat_map(|lie| lie.routes);
    let edits = EDITS.iter().map(|edit| &edit.route);
    lies.chain(edits).any(|route| (route.method, route.path) == (method, path))
}

#[test]
fn every_route_is_lied_about() {
    let router = include_str!("../../../metadata-api/src/router.rs");
    // The operator's own listener comes before it; clients cannot reach it.
    let router = router.split("pub fn app(").nth(1).unwrap();
    let (mut missing, mut routes) = (Vec::new(), BTreeSet::new());
    for (path, rest) in router.split(".route(").skip(1).filter_map(|route| route.split_once(',')) {
        let Some(path) = path.trim().strip_prefix('"').and_then(|path| path.strip_suffix('"')) else {
            continue;
        };
        let handlers = rest.split(".route").next().unwrap();
        for (word, method) in
            [("get(", "GET"), ("post(", "POST"), ("put(", "PUT"), ("delete(", "DELETE"), ("patch(", "PATCH")]
        {
            if !handlers.contains(word) {
                continue;
            }
            routes.insert((method.to_owned(), path.to_owned()));
            let not_read = NOT_READ.iter().any(|route| (route.method, route.path) == (method, path));
            if !not_read && !is_named(method, path) {
                missing.push(format!("{method} {path}"));
            }
        }
    }
    assert!(routes.len() >= 30, "{routes:?}");
    let documented: BTreeSet<_> =
        Schema::read().unwrap().operations().into_iter().map(|(method, path, _)| (method, path)).collect();
    assert_eq!(routes, documented, "the router and its document differ");
    assert!(missing.is_empty(), "no lie names {missing:#?}");
}

/// No client mentions a route that no client reads.
#[test]
fn no_client_names_an_unread_route() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client-core/src/api");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let texts: Vec<_> =
        files.iter().map(|file| (file.display(), fs::read_to_string(file).unwrap())).collect();
    let names = |text: &str, route: &str| text.contains(&format!("\"{route}\""));
    // A route that is read, or this would look in the wrong folder.
    assert!(texts.iter().any(|(_, text)| names(text, "/v1/service")));
    for (file, text) in &texts {
        for route in NOT_READ {
            assert!(!names(text, route.path), "{file} reads {}", route.path);
        }
    }
}

#[test]
fn every_field_of_a_response_is_changed() {
    let schema = Schema::read().unwrap();
    let (mut answered, mut changed) = (BTreeSet::new(), BTreeSet::new());
    for (method, path, success) in schema.operations() {
        let Some(success) = success else { continue };
        if NOT_READ.iter().any(|route| route.path == path) {
            continue;
        }
        answered.extend(schema.fields(&success));
        let sample = schema.sample(&success);
        for edit in EDITS
            .iter()
            .filter(|edit| (edit.route.method, edit.route.path) == (method.as_str(), path.as_str()))
        {
            let mut after = sample.clone();
            (edit.change)(&mut after);
            let differences = schema.differences(&success, &sample, &after);
            assert!(!differences.is_empty(), "\"{}\" changes nothing of {path}: {sample}", edit.what);
            changed.extend(differences);
        }
    }
    answered.extend(schema.fields("Problem"));
    let sample = schema.sample("Problem");
    for (what, edit) in PROBLEMS {
        let mut problem: Problem = serde_json::from_value(sample.clone()).unwrap();
        edit(&mut problem);
        let differences = schema.differences("Problem", &sample, &serde_json::to_value(problem).unwrap());
        assert!(!differences.is_empty(), "\"{what}\" changes nothing");
        changed.extend(differences);
    }
    let missing: Vec<&String> = answered.difference(&changed).collect();
    assert!(missing.is_empty(), "no lie changes {missing:#?}");
}

/// Each number of the design has a scene, except the two that come later.
#[test]
fn every_numbered_lie_has_a_scene() {
    let told: BTreeSet<u8> = LIES.iter().map(|lie| lie.number).collect();
    let expected: BTreeSet<u8> = (1..=32).filter(|number| ![21, 25].contains(number)).collect();
    assert_eq!(told, expected);
    for edit in EDITS {
        assert!(told.contains(&edit.lie), "\"{}\" belongs to no lie", edit.what);
    }
}
