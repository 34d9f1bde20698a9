//! Looking at the address of a service before there is an account.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{sync::Arc, time::Duration};

use api_types::{Region, account::ServiceInfo};
use client_core::{
    error::ErrorKind,
    event::Silent,
    ops::{Client, Settings, service},
};
use tokio_util::sync::CancellationToken;

use crate::tiny_server::{Answer, TinyServer};

fn fresh(home: &std::path::Path) -> Client {
    let settings = Settings {
        home: Some(home.join("sealkeep")),
        server: "http://127.0.0.1:1".into(),
        storage_origin: None,
        stall: Duration::from_secs(2),
        patience: Duration::from_secs(900),
        keystore_passphrase: None,
    };
    Client::new(settings, Arc::new(Silent), CancellationToken::new()).unwrap()
}

#[tokio::test]
async fn a_service_says_what_it_is_and_learns_nothing() {
    let server = TinyServer::start(|_, _| {
        let (version, regions) = ("1.2\u{1b}[2J".to_owned(), vec![Region::Ca, Region::Eu]);
        Answer::json(200, &ServiceInfo { version, regions, server_time: 1 })
    });
    let home = tempfile::tempdir().unwrap();
    let address = server.origin();
    let found = service::look(&fresh(home.path()), &format!(" {address}/ ")).await.unwrap();
    assert_eq!((found.address, found.regions), (address, vec![Region::Ca, Region::Eu]));
    assert!(found.version.starts_with("1.2") && !found.version.contains('\u{1b}'), "{}", found.version);
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].target, "/v1/service");
    assert!(!seen[0].headers.contains_key("signature") && !seen[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn another_program_is_not_taken_for_a_service_and_asked_once() {
    for answer in [
        || Answer::json(200, &"hello"),
        || Answer::status(404),
        || Answer::status(502),
        || Answer::json(200, &serde_json::json!({ "version": "1" })),
        || Answer::Close,
    ] {
        let server = TinyServer::start(move |_, _| answer());
        let home = tempfile::tempdir().unwrap();
        let address = server.origin();
        let error = service::look(&fresh(home.path()), &address).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ServiceUnreachable, "{error}");
        assert_eq!(server.seen().len(), 1, "{error}");
    }
}
