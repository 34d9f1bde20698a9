//! Every operation of the OpenAPI document, without each of the proofs it needs. New routes are covered automatically.

use std::collections::BTreeSet;

use api_types::{ErrorCode, VaultId, vault::VaultInfo};
use serde_json::Value;

use crate::support::{
    client::{Call, Device, Person, Reply},
    fixture::Fixture,
};

/// Routes that need no proof; this list may only shrink.
const OPEN: [&str; 3] = ["/healthz", "/v1/service", "/v1/openapi.json"];
/// Signed with the key named in the exchange, before there is a token.
const BEFORE_SIGN_IN: [&str; 4] = ["/v1/sign-up/", "/v1/sign-in/", "/v1/account/", "/v1/token/"];
/// Routes whose handlers a pending device reaches; the matrix below says what it may do there.
const WHILE_PENDING: [&str; 6] = [
    "GET /v1/vaults/{vault}",
    "POST /v1/vaults/{vault}/init",
    "GET /v1/vaults/{vault}/keys/{kind}",
    "GET /v1/vaults/{vault}/directory",
    "POST /v1/vaults/{vault}/directory",
    "POST /v1/sign-out",
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
        .replace("{run}", "00000000-0000-4000-8000-000000000002")
}

fn is_open(path: &str) -> bool {
    OPEN.contains(&path)
}

fn is_before_sign_in(path: &str) -> bool {
    BEFORE_SIGN_IN.iter().any(|prefix| path.starts_with(prefix))
}

fn call(fixture: &Fixture, person: &Person, method: &'static str, path: &str) -> Call {
    let mut call = Call::new(fixture, &person.device, method, path).bearer(&person.session);
    if path.ends_with("/confirm") {
        // Asks the store before it opens its transaction, so it needs a valid body.
        call.body = format!(r#"{{"objects":["{}"]}}"#, "00".repeat(32)).into_bytes();
    } else if method != "GET" {
        call.body = b"{}".to_vec();
    }
    call
}

#[tokio::test]
async fn every_route_refuses_without_each_proof() {
    let fixture = Fixture::new().await;
    let (person, other) = (fixture.member().await, fixture.member().await);
    let pending = Device::new();
    let pending_session = fixture.sign_in(&person, &pending).await;
    for request in [person.request(&fixture, "GET", ""), other.request(&fixture, "GET", "")] {
        let _: VaultInfo = fixture.call(request).await.ok();
    }
    let seen = person.request_as(&fixture, &pending, &pending_session, "GET", "/directory");
    assert_eq!(fixture.call(seen).await.status, 200);
    let all = operations();
    assert!(all.len() >= 28, "{all:?}");
    let before = fixture.fingerprint(&["audit_event"]).await;
    for (method, template) in &all {
        let own = path(template, person.vault);
        let name = format!("{method} {template}");
        if is_open(template) {
            assert!(
                fixture.http.get(format!("{}{own}", fixture.origin)).send().await.unwrap().status() != 401,
                "{name}"
            );
            continue;
        }
        if is_before_sign_in(template) {
            let mut bare = Call::new(&fixture, &person.device, method, &own);
            bare.body = b"{}".to_vec();
            fixture.send(&bare, reqwest::header::HeaderMap::new()).await.refused(ErrorCode::SignatureMissing);
            fixture.call(bare).await.refused(ErrorCode::InvalidRequest);
            continue;
        }
        // no token
        let mut no_token = call(&fixture, &person, method, &own);
        no_token.bearer = None;
        fixture.call(no_token).await.refused(ErrorCode::TokenMissing);
        // no signature
        let unsigned = call(&fixture, &person, method, &own);
        let mut headers = unsigned.sign();
        headers.remove("signature");
        fixture.send(&unsigned, headers).await.refused(ErrorCode::SignatureMissing);
        // another key
        let mut foreign = call(&fixture, &person, method, &own);
        foreign.device.key = Device::new().key;
        fixture.call(foreign).await.refused(ErrorCode::SignatureInvalid);
        // another tenant's vault
        if template.contains("{vault}") {
            let elsewhere = call(&fixture, &person, method, &path(template, other.vault));
            fixture.call(elsewhere).await.refused(ErrorCode::NotFound);
            let no_id =
                call(&fixture, &person, method, &template.replace("{vault}", "x").replace(['{', '}'], ""));
            fixture.call(no_id).await.refused(ErrorCode::NotFound);
        }
        // a pending device
        if !WHILE_PENDING.contains(&name.as_str()) {
            let mut waiting = call(&fixture, &person, method, &own).bearer(&pending_session);
            waiting.device = pending.clone();
            fixture.call(waiting).await.refused(ErrorCode::DeviceNotApproved);
        }
    }
    assert_eq!(fixture.fingerprint(&["audit_event"]).await, before);
}

/// The checked-in document matches the one generated from the handlers.
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

/// Generated clients name their methods after operation ids.
#[test]
fn operation_ids_are_unique() {
    let document = serde_json::to_value(metadata_api::openapi::document()).unwrap();
    let mut seen = BTreeSet::new();
    for operation in
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
    {
        let id = operation["operationId"].as_str().unwrap();
        assert!(seen.insert(id.to_owned()), "{id}");
    }
    assert!(seen.len() > 30);
}

/// Every route of the router appears in the document.
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

/// Whether the reply refuses the caller rather than the request's content.
fn refuses_the_caller(reply: &Reply) -> bool {
    let problem: Option<api_types::Problem> = serde_json::from_slice(&reply.body).ok();
    problem.is_some_and(|problem| {
        matches!(
            problem.code,
            ErrorCode::Forbidden
                | ErrorCode::DeviceNotApproved
                | ErrorCode::DeviceRevoked
                | ErrorCode::VaultNotReady
        )
    })
}

/// Valid bodies, so that only the caller is judged.
fn understood(template: &str, person: &Person) -> Value {
    let entry = person.entry(api_types::directory::DirectoryOp::Revoke, &Device::new());
    let id = "00".repeat(32);
    match template.rsplit('/').next().unwrap() {
        "init" => serde_json::to_value(person.init(entry)).unwrap(),
        "directory" => serde_json::to_value(entry).unwrap(),
        "revoke" => serde_json::json!({ "directory": null }),
        "runs" => serde_json::json!({
            "run_id": "00000000-0000-4000-8000-000000000002",
            "source_id": "00000000-0000-4000-8000-000000000003",
        }),
        "objects" => serde_json::json!({ "objects": [{ "kind": "pack", "size": 1, "id": id }] }),
        "confirm" | "read-urls" => serde_json::json!({ "objects": [id] }),
        "commit" => serde_json::json!({
            "snapshot_id": id, "head": { "envelope": "", "signature": "" }, "packs": "", "bytes_read": 0,
        }),
        "abort" => serde_json::json!({ "failure": "matrix", "bytes_read": 0 }),
        other => panic!("{other}: what does it take?"),
    }
}

/// A caller: its role in the vault, and its device's state and role.
#[derive(Debug, Clone, Copy)]
struct Is {
    member: &'static str,
    device: &'static str,
}

/// The expected access rule for each route.
fn gets_in(name: &str, kind: &str, is: Is) -> bool {
    let full = is.device == "full";
    let active = full || is.device == "backup-only";
    let pending = is.device == "pending";
    let restores = is.member != "auditor";
    let manages = ["owner", "admin"].contains(&is.member);
    let route = name.replace("/v1/vaults/{vault}", "");
    match route.as_str() {
        "GET " | "GET /runs" | "GET /objects" | "GET /snapshots" => active,
        "GET /directory" => active || pending,
        "GET /devices" | "GET /audit" => full,
        "GET /keys/{kind}" if kind == "recovery" => restores && (full || pending),
        "GET /keys/{kind}" | "POST /objects/read-urls" => restores && full,
        // Nobody adds itself here, which is all that a pending device may do.
        "POST /directory" => manages && full,
        "POST /devices/{device}/revoke" => manages && full,
        "POST /init" => manages && (active || pending),
        "POST /runs"
        | "POST /runs/{run}/objects"
        | "POST /runs/{run}/confirm"
        | "POST /runs/{run}/commit"
        | "POST /runs/{run}/abort" => restores && active,
        other => panic!("{other}: who gets in?"),
    }
}

/// Tables that the test itself fills for members and devices, and those that a starting backup changes.
const BY_BACKUPS: [&str; 6] = ["audit_event", "membership", "vault_device", "run", "source", "vault_counter"];

/// 44 and related: every route with every member role and every device state and role.
#[tokio::test]
async fn n44_every_route_by_every_device_and_role() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    let session = fixture.sign_in(&person, &device).await;
    let vault_routes: Vec<_> =
        operations().into_iter().filter(|(_, path)| path.contains("{vault}")).collect();
    assert!(vault_routes.len() >= 15, "{vault_routes:?}");
    let before = fixture.fingerprint(&BY_BACKUPS).await;
    for state in ["full", "backup-only", "pending", "revoked"] {
        let (column, role) = match state {
            "pending" => ("pending", None),
            "revoked" => ("revoked", Some("full")),
            role => ("active", Some(role)),
        };
        sqlx::query("UPDATE app.vault_device SET state = $1, role = $2 WHERE device_id = $3")
            .bind(column)
            .bind(role)
            .bind(device.id.0)
            .execute(&fixture.admin)
            .await
            .unwrap();
        for member in ["owner", "admin", "operator", "auditor"] {
            sqlx::query("UPDATE app.membership SET role = $1")
                .bind(member)
                .execute(&fixture.admin)
                .await
                .unwrap();
            for (method, template) in &vault_routes {
                let name = format!("{method} {template}");
                let kinds: &[&str] =
                    if template.contains("{kind}") { &["password", "recovery", "keyring"] } else { &[""] };
                for kind in kinds {
                    let own = path(&template.replace("{kind}", kind), person.vault);
                    let mut call = Call::new(&fixture, &device, method, &own).bearer(&session);
                    if *method != "GET" {
                        call = call.json(&understood(template, &person));
                    }
                    let reply = fixture.call(call).await;
                    let is = Is { member, device: state };
                    assert_eq!(
                        !refuses_the_caller(&reply),
                        gets_in(&name, kind, is),
                        "{name} {kind} {is:?}: {} {}",
                        reply.status,
                        String::from_utf8_lossy(&reply.body)
                    );
                }
            }
        }
    }
    // None of it changed keys, directory, objects or snapshots.
    assert_eq!(fixture.fingerprint(&BY_BACKUPS).await, before);
}

/// A pending device adds itself with the vault's signature, and nobody else; of the wraps it sees only the one that the
/// recovery words open.
#[tokio::test]
async fn a_pending_device_adds_itself_and_nobody_else() {
    let fixture = Fixture::new().await;
    let mut person = fixture.member().await;
    let (device, third) = (Device::new(), Device::new());
    let session = fixture.sign_in(&person, &device).await;
    fixture.sign_in(&person, &third).await;
    let post = |entry: api_types::directory::SignedDirectoryEntry| {
        fixture.call(person.request_as(&fixture, &device, &session, "POST", "/directory").json(&entry))
    };
    let before = fixture.fingerprint(&[]).await;
    use api_types::directory::DirectoryOp;
    for (op, whom) in
        [(DirectoryOp::Add, &third), (DirectoryOp::Revoke, &person.device), (DirectoryOp::Revoke, &third)]
    {
        post(person.entry(op, whom)).await.refused(ErrorCode::DeviceNotApproved);
        assert_eq!(fixture.fingerprint(&[]).await, before);
    }
    let itself = person.entry(DirectoryOp::Add, &device);
    post(itself.clone()).await.done();
    person.directory.push(itself);
    // From here on it is active.
    let entry = person.entry(DirectoryOp::Add, &third);
    let call = person.request_as(&fixture, &device, &session, "POST", "/directory").json(&entry);
    fixture.call(call).await.done();
}

/// No request changes a wrap without a fresh second factor: the routes that do are listed, and no other route changes
/// one, whatever an active device sends.
#[tokio::test]
async fn no_route_changes_a_wrap_without_a_fresh_factor() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let wraps = async || -> Vec<(String, i32, Vec<u8>)> {
        sqlx::query_as("SELECT kind, version, bytes FROM app.wrapped_key ORDER BY kind, version")
            .fetch_all(&fixture.admin)
            .await
            .unwrap()
    };
    let before = wraps().await;
    assert_eq!(before.len(), 3);
    let junk = serde_json::json!({ "version": 2, "bytes": "AQEBAQ" });
    for (documented, template) in operations() {
        if !template.contains("{vault}") {
            continue;
        }
        for method in ["PUT", "POST", "PATCH", "DELETE"] {
            for kind in ["password", "recovery", "keyring"] {
                let own = path(&template.replace("{kind}", kind), person.vault);
                let mut call =
                    Call::new(&fixture, &person.device, method, &own).bearer(&person.session).json(&junk);
                if method == documented && method == "POST" {
                    call = call.json(&understood(&template, &person));
                }
                fixture.call(call).await;
            }
        }
    }
    assert_eq!(wraps().await, before);
    // The table itself refuses: wraps are added, never replaced.
    for statement in
        ["UPDATE app.wrapped_key SET bytes = 'x'", "DELETE FROM app.wrapped_key", "TRUNCATE app.wrapped_key"]
    {
        let refused = sqlx::query(statement).execute(&fixture.admin).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501", "{statement}");
    }
}
