#![expect(clippy::unwrap_used, reason = "tests")]
//! Tests commands through the real IPC, on a runtime without a window.

use std::{sync::Arc, time::Duration};

use client_core::ops::Settings;
use serde_json::{Value, json};
use tauri::{
    Manager, WebviewWindow, WebviewWindowBuilder,
    ipc::{CallbackFn, InvokeBody},
    test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder},
    webview::InvokeRequest,
};
use tempfile::TempDir;

use crate::{engine::Engine, window::Listener};

struct Stage {
    _home: TempDir,
    _app: tauri::App<MockRuntime>,
    window: WebviewWindow<MockRuntime>,
}

/// A fresh device whose service does not answer.
fn stage(label: &str) -> Stage {
    stage_with(label, false)
}

/// `fixed`: the environment names the service.
fn stage_with(label: &str, fixed: bool) -> Stage {
    let home = tempfile::tempdir().unwrap();
    let settings = Settings {
        home: Some(home.path().join("sealkeep")),
        server: "http://127.0.0.1:1".into(),
        storage_origin: None,
        stall: Duration::from_secs(1),
        patience: Duration::from_secs(1),
        keystore_passphrase: None,
    };
    let listener = Listener::default();
    let engine = Arc::new(Engine::new(settings, fixed, Arc::new(listener.clone())).unwrap());
    let app = crate::with_commands(mock_builder(), engine, listener)
        .build(tauri::generate_context!("../../tauri.conf.json", test = true))
        .unwrap();
    let window = match app.get_webview_window(label) {
        Some(window) => window,
        None => WebviewWindowBuilder::new(&app, label, Default::default()).build().unwrap(),
    };
    Stage { _home: home, _app: app, window }
}

impl Stage {
    fn ask(&self, command: &str, arguments: Value) -> Result<Value, Value> {
        let request = InvokeRequest {
            cmd: command.into(),
            callback: CallbackFn(0),
            error: CallbackFn(1),
            url: "tauri://localhost".parse().unwrap(),
            body: InvokeBody::Json(arguments),
            headers: Default::default(),
            invoke_key: INVOKE_KEY.to_owned(),
        };
        get_ipc_response(&self.window, request).map(|body| body.deserialize().unwrap())
    }
}

#[test]
fn a_fresh_device_reports_that_it_is() {
    let stage = stage("main");
    let info = stage.ask("app_info", json!({})).unwrap();
    assert_eq!(info["name"], "Sealkeep");
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(stage.ask("session", json!({})).unwrap(), json!({ "state": "fresh" }));
    assert_eq!(stage.ask("overview", json!({})).unwrap_err()["code"], "not_signed_in");
    assert_eq!(stage.ask("current_run", json!({})).unwrap(), Value::Null);
}

#[test]
fn a_window_without_the_capability_learns_nothing() {
    let stage = stage("other");
    for command in ["app_info", "session", "overview", "device_list"] {
        assert!(stage.ask(command, json!({})).is_err(), "{command}");
    }
}

#[test]
fn steps_out_of_turn_are_refused() {
    let stage = stage("main");
    for (command, arguments) in [
        ("sign_up_code", json!({ "code": "123456" })),
        ("sign_in_factor", json!({ "code": "123456", "recovery": false })),
        ("sign_in_words", json!({ "words": "abandon" })),
        ("kit_words", json!({ "answer": "a b c" })),
        ("confirm_authenticator", json!({ "code": "123456" })),
    ] {
        assert_eq!(stage.ask(command, arguments).unwrap_err()["code"], "out_of_turn", "{command}");
    }
}

#[test]
fn passwords_are_weighed_and_short_ones_refused() {
    let stage = stage("main");
    let weigh = |password: &str| {
        let answer = stage
            .ask("password_strength", json!({ "password": password, "email": "ada@example.com" }))
            .unwrap();
        (answer["score"].as_u64().unwrap(), answer["accepted"].as_bool().unwrap())
    };
    assert_eq!(weigh("short"), (0, false));
    assert!(weigh("ada@example.com").0 <= 1);
    assert_eq!(weigh("correct battery horse staple rain"), (4, true));
    let error = stage
        .ask("sign_up", json!({ "email": "ada@example.com", "password": "short", "region": "eu" }))
        .unwrap_err();
    assert_eq!(error["code"], "usage");
    let error = stage
        .ask(
            "sign_up",
            json!({ "email": "ada@example.com", "password": "long enough to pass", "region": "eu" }),
        )
        .unwrap_err();
    assert_eq!(error["code"], "service_unreachable");
    assert_eq!(error["retryable"], true);
}

#[test]
fn invalid_origins_are_refused() {
    let stage = stage("main");
    let error = stage.ask("probe_source", json!({ "origin": "mysql://x" })).unwrap_err();
    assert_eq!(error["code"], "usage");
    let error = stage.ask("probe_source", json!({ "origin": "/no/such/file" })).unwrap_err();
    assert_eq!(error["code"], "not_found");
}

#[test]
fn a_target_file_must_be_new_and_have_a_folder() {
    let stage = stage("main");
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there");
    std::fs::write(&there, "x").unwrap();
    let check = |path: &std::path::Path| {
        let to = json!({ "kind": "file", "path": path });
        stage.ask("check_target", json!({ "snapshot": "0a1b2c", "to": to }))
    };
    assert_eq!(check(&folder.path().join("new.dump")).unwrap(), "absent");
    assert_eq!(check(&there).unwrap_err()["code"], "exists");
    assert_eq!(check(folder.path()).unwrap_err()["code"], "exists");
    assert_eq!(check(&folder.path().join("no/x")).unwrap_err()["code"], "not_found");
    assert_eq!(check(std::path::Path::new("x")).unwrap_err()["code"], "usage");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a check creates nothing");
}

#[test]
fn a_suggestion_names_a_new_file_with_a_date() {
    let stage = stage("main");
    let wanted = json!({ "like": null, "source": "shop", "kind": "postgres", "created": 1_795_611_000 });
    let found = stage.ask("restore_suggestion", wanted).unwrap();
    assert!(found["path"].as_str().unwrap().contains("/shop-2026-11-2"), "{found}");
    assert!(found["database"].as_str().unwrap().starts_with("shop_restored_202611"), "{found}");
    assert_eq!(found["connection"], Value::Null);
}

#[test]
fn a_kit_is_saved_for_its_owner_only_and_never_through_a_link() {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    let dir = tempfile::tempdir().unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let kit = dir.path().join("kit.txt");
    // An existing file loses its permissions, and a process that has it open sees nothing.
    fs::write(&kit, "old").unwrap();
    fs::set_permissions(&kit, fs::Permissions::from_mode(0o644)).unwrap();
    let other = dir.path().join("hard link");
    fs::hard_link(&kit, &other).unwrap();
    super::account::save_private(&kit, b"secret").unwrap();
    assert_eq!((fs::read(&kit).unwrap(), mode(&kit)), (b"secret".to_vec(), 0o600));
    assert_eq!(fs::read(&other).unwrap(), b"old");

    let elsewhere = dir.path().join("elsewhere");
    for target in [&elsewhere, &other] {
        let link = dir.path().join("link");
        symlink(target, &link).unwrap();
        let error = super::account::save_private(&link, b"secret").unwrap_err();
        assert_eq!(error.kind(), client_core::error::ErrorKind::Exists);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        fs::remove_file(&link).unwrap();
    }
    assert!(!elsewhere.exists());
    assert_eq!(fs::read(&other).unwrap(), b"old");
    assert!(super::account::save_private(dir.path(), b"secret").is_err());
    assert!(super::account::save_private(&dir.path().join("no/such/kit"), b"secret").is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "a temporary file was left behind");
}

#[test]
fn a_chosen_service_is_used_and_remembered_unless_the_environment_names_one() {
    let stage = stage("main");
    let server = |stage: &Stage| stage.ask("app_info", json!({})).unwrap()["server"].clone();
    assert_eq!(server(&stage), "http://127.0.0.1:1");
    let refused = |command: &str, address: &str| {
        stage.ask(command, json!({ "address": address })).unwrap_err()["code"].clone()
    };
    for command in ["check_service", "choose_service"] {
        assert_eq!(refused(command, "http://backup.example.com"), "service_address", "{command}");
        assert_eq!(refused(command, "backup.example.com"), "service_address", "{command}");
    }
    assert_eq!(refused("check_service", "http://127.0.0.1:1"), "service_unreachable");
    let chosen = stage.ask("choose_service", json!({ "address": " http://127.0.0.1:2/ " })).unwrap();
    assert_eq!((&chosen, server(&stage)), (&json!("http://127.0.0.1:2"), json!("http://127.0.0.1:2")));
    // Both first steps go there.
    let who = json!({ "email": "ada@example.com", "password": "long enough to pass", "region": "eu" });
    for command in ["sign_up", "sign_in"] {
        let error = stage.ask(command, who.clone()).unwrap_err();
        assert!(error["happened"].to_string().contains("127.0.0.1:2"), "{command}: {error}");
    }

    let stage = stage_with("main", true);
    assert_eq!(stage.ask("app_info", json!({})).unwrap()["serverFixed"], true);
    let error = stage.ask("choose_service", json!({ "address": "http://127.0.0.1:2" })).unwrap_err();
    assert_eq!(error["code"], "usage");
    assert_eq!(server(&stage), "http://127.0.0.1:1");
}

#[test]
fn settings_keep_each_other_and_the_answer_to_closing_can_be_taken_back() {
    let stage = stage("main");
    stage.ask("set_upload_limit", json!({ "limit": 100 })).unwrap();
    let set = |choice: Value| stage.ask("set_on_close", json!({ "choice": choice })).unwrap();
    let now = || {
        let found = stage.ask("preferences", json!({})).unwrap();
        (found["uploadLimit"].clone(), found["onClose"].clone())
    };
    assert_eq!(now(), (json!(100), Value::Null));
    set(json!("keepRunning"));
    assert_eq!(now(), (json!(100), json!("keepRunning")));
    set(Value::Null);
    assert_eq!(now(), (json!(100), Value::Null));
}

#[test]
fn nothing_stops_when_a_fresh_device_ends() {
    let stage = stage("main");
    let nothing = json!({ "scheduled": 0, "next": null, "run": null });
    assert_eq!(stage.ask("leaving", json!({})).unwrap(), nothing);
}

#[test]
fn codes_without_an_account_are_not_saved() {
    let stage = stage("main");
    let error = stage.ask("save_codes", json!({ "codes": ["abc-def"] })).unwrap_err();
    assert_eq!(error["code"], "usage");
}

#[test]
fn words_are_checked_while_they_are_typed() {
    let stage = stage("main");
    let look = |words: &str| stage.ask("words_typed", json!({ "words": words })).unwrap();
    assert_eq!(look("1 abandon 2 zoo"), json!({ "recognized": 2, "complete": false, "wrong": null }));
    let wrong = json!({ "number": 1, "typed": "bonnus", "suggestion": "bonus" });
    assert_eq!(look("bonnus zoo"), json!({ "recognized": 1, "complete": false, "wrong": wrong }));
    let all = format!("{}art", "abandon ".repeat(23));
    assert_eq!(look(&all), json!({ "recognized": 24, "complete": true, "wrong": null }));
}

#[test]
fn diagnostics_are_saved_only_as_they_were_shown() {
    let stage = stage("main");
    let app = stage.window.app_handle();
    let engine = app.state::<crate::engine::Shared>();
    let file = tempfile::tempdir().unwrap();
    let path = file.path().join("debug.txt");
    assert_eq!(crate::error::UiError::from(engine.save_diagnostics(&path).unwrap_err()).code, "out_of_turn");
    let shown = stage.ask("diagnostics", json!({})).unwrap();
    let (text, parts) = (shown["text"].as_str().unwrap(), shown["parts"].as_array().unwrap());
    assert!(text.contains("[program]") && text.contains("signed out"), "{shown}");
    assert_eq!(parts.iter().map(|part| part["bytes"].as_u64().unwrap()).sum::<u64>(), text.len() as u64);
    engine.save_diagnostics(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(stage.ask("run_log", json!({ "run": "latest" })).unwrap_err()["code"], "not_signed_in");
}
