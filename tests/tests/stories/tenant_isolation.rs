//! Account B with A's ids: on every route of the service's OpenAPI document, and with the command.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use e2e::{Device, Service, device::text, member::Member};
use serde_json::{Value, json};

/// A's ids, or B's own where a case mixes them.
struct Ids {
    vault: String,
    device: String,
    backup: String,
    object: String,
    source: String,
}

const ROUTES: [(&str, &str); 17] = [
    ("GET", "/v1/vaults/{vault}"),
    ("POST", "/v1/vaults/{vault}/init"),
    ("GET", "/v1/vaults/{vault}/keys/{kind}"),
    ("GET", "/v1/vaults/{vault}/directory"),
    ("POST", "/v1/vaults/{vault}/directory"),
    ("GET", "/v1/vaults/{vault}/devices"),
    ("POST", "/v1/vaults/{vault}/devices/{device}/revoke"),
    ("GET", "/v1/vaults/{vault}/runs"),
    ("POST", "/v1/vaults/{vault}/runs"),
    ("POST", "/v1/vaults/{vault}/runs/{run}/objects"),
    ("POST", "/v1/vaults/{vault}/runs/{run}/confirm"),
    ("POST", "/v1/vaults/{vault}/runs/{run}/commit"),
    ("POST", "/v1/vaults/{vault}/runs/{run}/abort"),
    ("GET", "/v1/vaults/{vault}/objects"),
    ("POST", "/v1/vaults/{vault}/objects/read-urls"),
    ("GET", "/v1/vaults/{vault}/snapshots"),
    ("GET", "/v1/vaults/{vault}/audit"),
];

fn base64(bytes: &[u8]) -> Value {
    serde_json::to_value(api_types::Base64(bytes.to_vec())).unwrap()
}

/// A valid body for the route.
fn body(method: &str, path: &str, ids: &Ids) -> Option<Value> {
    let signed = json!({ "entry": base64(&[0x80]), "signature": base64(&[7; 64]) });
    let head = json!({ "envelope": base64(&[0x80]), "signature": base64(&[7; 64]) });
    if method == "GET" {
        return None;
    }
    Some(match path.rsplit('/').next().unwrap() {
        "init" => {
            json!({ "signing_root": base64(&[7; 32]), "password": base64(b"p"), "recovery": base64(b"r"), "keyring": base64(b"k"), "directory": signed })
        }
        "directory" => signed,
        "revoke" => json!({ "directory": null }),
        "runs" => json!({ "run_id": ids.backup, "source_id": ids.source }),
        "objects" => json!({ "objects": [{ "kind": "pack", "size": 1000, "id": ids.object }] }),
        "confirm" | "read-urls" => json!({ "objects": [ids.object] }),
        "commit" => json!({ "snapshot_id": ids.object, "head": head, "packs": base64(&[]), "bytes_read": 1 }),
        "abort" => json!({ "failure": "mine_now", "bytes_read": 1 }),
        other => panic!("no body for {other}"),
    })
}

fn fill_in(path: &str, ids: &Ids) -> String {
    let path =
        path.replace("{vault}", &ids.vault).replace("{device}", &ids.device).replace("{run}", &ids.backup);
    let path = path.replace("{kind}", "password");
    if path.ends_with("/objects") { format!("{path}?kind=pack") } else { path }
}

/// Everything of a vault in the service's database, except when its devices were last seen and their requests.
fn contents(service: &Service, vault: &str) -> String {
    let tables = service
        .sql("select distinct table_schema || '.' || table_name from information_schema.columns where column_name = 'vault_id' and table_schema = 'app' order by 1")
        .unwrap();
    tables
        .lines()
        .map(|table| {
            let rows = service
                .sql(&format!("select md5(coalesce(string_agg(t::text, ',' order by t::text), '')), count(*) from (select to_jsonb(r) - 'last_seen_at' from {table} r where vault_id = '{vault}') t"))
                .unwrap();
            format!("{table}: {rows}\n")
        })
        .collect()
}

fn ids_of(service: &Service, member: &Member) -> Ids {
    let vault = &member.vault;
    let one = |sql: &str| service.sql(&format!("{sql} where vault_id = '{vault}' limit 1")).unwrap();
    Ids {
        vault: vault.clone(),
        device: member.device_id.clone(),
        backup: one("select run_id from app.run"),
        object: one("select encode(object_id, 'hex') from app.object"),
        source: one("select encode(convert_to(source_id::text, 'UTF8'), 'escape') from app.source"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_lets_b_touch_what_is_as() {
    let service = Service::start().unwrap();
    let [a, b] = ["one", "two"].map(|name| {
        let device = Device::new(&service).unwrap();
        device.sign_up("eu").unwrap();
        device.backup_bytes(name, name.as_bytes()).ok().unwrap();
        device
    });
    let (member_a, member_b) = (Member::of(&a, &service).unwrap(), Member::of(&b, &service).unwrap());
    let (ids_a, ids_b) = (ids_of(&service, &member_a), ids_of(&service, &member_b));

    // The list above contains every vault route of the service.
    let described: Value = reqwest::get(format!("{}/v1/openapi.json", service.url()))
        .await
        .unwrap()
        .text()
        .await
        .unwrap()
        .parse()
        .unwrap();
    let mut there = BTreeSet::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|_| path.starts_with("/v1/vaults/")) {
            there.insert((method.to_uppercase(), path.clone()));
        }
    }
    let listed = ROUTES.iter().map(|(m, p)| ((*m).to_owned(), (*p).to_owned())).collect();
    assert_eq!(there, listed, "routes of the service, and routes tested here");

    // The control: A is admitted, so B's refusals are not about the requests' form. It comes first, because reading
    // keys is audited.
    for (method, path) in ROUTES.into_iter().filter(|(method, _)| *method == "GET") {
        let answer = member_a.ask(method, &fill_in(path, &ids_a), None).await.unwrap();
        assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
    }
    let before = contents(&service, &ids_a.vault);
    for (method, path) in ROUTES {
        let answer =
            member_b.ask(method, &fill_in(path, &ids_a), body(method, path, &ids_a).as_ref()).await.unwrap();
        assert_eq!((answer.status, answer.code()), (404, "not_found"), "{method} {path}: {answer:?}");
    }
    assert_eq!(contents(&service, &ids_a.vault), before);

    // B's vault with A's ids inside it.
    let mixed = Ids { vault: ids_b.vault.clone(), ..ids_of(&service, &member_a) };
    for (method, path) in ROUTES {
        let wanted: &[(u16, &str)] = match path.rsplit('/').next().unwrap() {
            "revoke" | "objects" | "confirm" | "commit" | "abort" if method == "POST" => &[
                (404, "not_found"),
                (409, "backup_closed"),
                (400, "snapshot_invalid"),
                (400, "invalid_request"),
            ],
            "read-urls" => &[(200, "")],
            _ => continue,
        };
        let answer =
            member_b.ask(method, &fill_in(path, &mixed), body(method, path, &mixed).as_ref()).await.unwrap();
        assert!(wanted.contains(&(answer.status, answer.code())), "{method} {path}: {answer:?}");
        assert!(!answer.body.to_string().contains(&ids_a.vault), "{method} {path}: {answer:?}");
        if path.ends_with("read-urls") {
            assert_eq!(answer.body["grants"], json!([]), "{answer:?}");
        }
    }
    assert_eq!(contents(&service, &ids_a.vault), before);
}

#[test]
fn the_command_finds_nothing_of_another_account() {
    let stage = e2e::Stage::shared().unwrap();
    let (a, account_a) = stage.new_account().unwrap();
    let (b, _) = stage.new_account().unwrap();
    let report = a.backup_bytes("of-a", b"of a").ok().unwrap();
    let snapshot = text(&report, "snapshot_id").unwrap();
    assert_eq!(b.snapshots().unwrap(), [""; 0]);
    b.restore_to(snapshot, "stolen").refused(7).unwrap();
    assert!(!b.desk().join("stolen").exists());
    // A's words do not open B's vault, nor does B's password open A's account.
    let thief = Device::new(&stage.service).unwrap();
    let code = account_a.authenticator.code();
    thief
        .call(["login", "--email", &account_a.email])
        .env("SEALKEEP_PASSWORD", "not the password")
        .env("SEALKEEP_TOTP", code)
        .refused(3)
        .unwrap();
}
