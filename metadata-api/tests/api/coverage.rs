//! Every operation of the OpenAPI document, without each of the proofs it needs. A new route is in here by itself.

use api_types::{ErrorCode, VaultId, vault::VaultInfo};
use serde_json::Value;

use crate::{
    client::{Call, Device, Person},
    stage::Stage,
};

/// Routes that need no proof; the list only shrinks.
const OPEN: [&str; 3] = ["/healthz", "/v1/service", "/v1/openapi.json"];
/// Signed with a key that the conversation named, before there is a token.
const BEFORE_SIGN_IN: [&str; 4] = ["/v1/signup/", "/v1/login/", "/v1/account/", "/v1/token/"];
/// What a device may do before the directory vouches for it.
const WHILE_PENDING: [&str; 6] = [
    "GET /v1/vaults/{vault}",
    "POST /v1/vaults/{vault}/init",
    "GET /v1/vaults/{vault}/keys/{kind}",
    "GET /v1/vaults/{vault}/directory",
    "POST /v1/vaults/{vault}/directory",
    "POST /v1/logout",
];

fn operations() -> Vec<(&'static str, String)> {
    let document: Value = serde_json::to_value(metadata_api::openapi::document()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method = match method.as_str() {
                "get" => "GET",
                "put" => "PUT",
                "post" => "POST",
                "parameters" => continue,
                other => panic!("{other} {path}: is it meant?"),
            };
            all.push((method, path.clone()));
        }
    }
    all
}

fn path(template: &str, vault: VaultId) -> String {
    template
        .replace("{vault}", &vault.to_string())
        .replace("{kind}", "password")
        .replace("{device}", "00000000-0000-4000-8000-000000000001")
        .replace("{backup}", "00000000-0000-4000-8000-000000000002")
}

fn is_open(path: &str) -> bool {
    OPEN.contains(&path)
}

fn is_before_sign_in(path: &str) -> bool {
    BEFORE_SIGN_IN.iter().any(|prefix| path.starts_with(prefix))
}

fn call(stage: &Stage, person: &Person, method: &'static str, path: &str) -> Call {
    let mut call = Call::new(stage, &person.device, method, path).bearer(&person.session);
    if path.ends_with("/confirm") {
        // Asks the store before it opens its transaction, so it reads its body first.
        call.body = format!(r#"{{"objects":["{}"]}}"#, "00".repeat(32)).into_bytes();
    } else if method != "GET" {
        call.body = b"{}".to_vec();
    }
    call
}

#[tokio::test]
async fn every_route_refuses_without_each_proof() {
    let stage = Stage::new().await;
    let (person, other) = (stage.member().await, stage.member().await);
    let pending = Device::new();
    let pending_session = stage.login(&person, &pending).await;
    for request in [
        person.request(&stage, "GET", ""),
        other.request(&stage, "GET", ""),
        person.request_as(&stage, &pending, &pending_session, "GET", ""),
    ] {
        let _: VaultInfo = stage.call(request).await.ok();
    }
    let all = operations();
    assert!(all.len() >= 30, "{all:?}");
    let before = stage.fingerprint(&["audit_event"]).await;
    for (method, template) in &all {
        let own = path(template, person.vault);
        let name = format!("{method} {template}");
        if is_open(template) {
            assert!(
                stage.http.get(format!("{}{own}", stage.origin)).send().await.unwrap().status() != 401,
                "{name}"
            );
            continue;
        }
        if is_before_sign_in(template) {
            let mut bare = Call::new(&stage, &person.device, method, &own);
            bare.body = b"{}".to_vec();
            stage.send(&bare, reqwest::header::HeaderMap::new()).await.refused(ErrorCode::SignatureMissing);
            stage.call(bare).await.refused(ErrorCode::InvalidRequest);
            continue;
        }
        // no token
        let mut no_token = call(&stage, &person, method, &own);
        no_token.bearer = None;
        stage.call(no_token).await.refused(ErrorCode::TokenMissing);
        // no signature
        let unsigned = call(&stage, &person, method, &own);
        let mut headers = unsigned.sign();
        headers.remove("signature");
        stage.send(&unsigned, headers).await.refused(ErrorCode::SignatureMissing);
        // another key
        let mut foreign = call(&stage, &person, method, &own);
        foreign.device.key = Device::new().key;
        stage.call(foreign).await.refused(ErrorCode::SignatureInvalid);
        // another tenant's vault
        if template.contains("{vault}") {
            let elsewhere = call(&stage, &person, method, &path(template, other.vault));
            stage.call(elsewhere).await.refused(ErrorCode::NotFound);
            let no_id =
                call(&stage, &person, method, &template.replace("{vault}", "x").replace(['{', '}'], ""));
            stage.call(no_id).await.refused(ErrorCode::NotFound);
        }
        // a device that nobody vouched for
        if !WHILE_PENDING.contains(&name.as_str()) {
            let mut waiting = call(&stage, &person, method, &own).bearer(&pending_session);
            waiting.device = pending.clone();
            stage.call(waiting).await.refused(ErrorCode::DeviceNotApproved);
        }
    }
    assert_eq!(stage.fingerprint(&["audit_event"]).await, before);
}

/// The document that is checked in is the one that the handlers make.
#[test]
fn the_checked_in_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let current = metadata_api::openapi::document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == current,
        "openapi.json is stale: run the test once with UPDATE_OPENAPI=1 and look at the difference"
    );
}

/// Every route of the router is an operation of the document.
#[test]
fn every_route_is_documented() {
    let router = include_str!("../../src/router.rs");
    let router = router.split("pub fn app(").nth(1).unwrap();
    let documented = operations();
    let mut routes = 0;
    for (path, rest) in router.split(".route(").skip(1).filter_map(|r| r.split_once(',')) {
        let Some(path) = path.trim().strip_prefix('"').and_then(|p| p.strip_suffix('"')) else { continue };
        let handlers = rest.split(".route").next().unwrap();
        for (word, method) in [("get(", "GET"), ("post(", "POST"), ("put(", "PUT"), ("delete(", "DELETE")] {
            if handlers.contains(word) {
                routes += 1;
                assert!(documented.contains(&(method, path.to_owned())), "{method} {path}");
            }
        }
    }
    assert_eq!(routes, documented.len());
}
