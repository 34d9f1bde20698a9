#![expect(clippy::unwrap_used, reason = "tests")]
//! Commands through the real IPC, on a runtime without a window.

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
    let home = tempfile::tempdir().unwrap();
    let settings = Settings {
        home: Some(home.path().join("sealkeep")),
        server: "http://127.0.0.1:1".into(),
        storage_origin: None,
        stall: Duration::from_secs(1),
        keystore_passphrase: None,
    };
    let listener = Listener::default();
    let engine = Arc::new(Engine::new(settings, Arc::new(listener.clone())).unwrap());
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
fn a_fresh_device_says_so() {
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
        assert_eq!(stage.ask(command, arguments).unwrap_err()["code"], "usage", "{command}");
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
fn origins_that_are_none_are_named() {
    let stage = stage("main");
    let error = stage.ask("probe_source", json!({ "origin": "mysql://x" })).unwrap_err();
    assert_eq!(error["code"], "usage");
    let error = stage.ask("probe_source", json!({ "origin": "/no/such/file" })).unwrap_err();
    assert_eq!(error["code"], "not_found");
}
