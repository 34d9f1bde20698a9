//! Responses of a minimal service, and its signature check.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use api_types::{
    AccountId, Base64, DeviceId, ErrorCode, Problem, Region, SessionId, VaultId,
    account::Session,
    signature::{CanonicalRequest, SignatureHeaders},
    vault::{MemberRole, VaultInfo},
};
use client_core::{
    api::HttpApi,
    clock::{Clock, SystemClock},
    device::{DeviceIdentity, DeviceSecrets, SignedIn},
    keystore::{self, KeyStore, MemoryKeyStore},
};
use zeroize::Zeroizing;

use super::tiny_server::{Answer, Request, TinyServer};

pub(crate) const VAULT: VaultId = VaultId::from_bytes([7; 16]);
pub(crate) const ACCOUNT: AccountId = AccountId::from_bytes([8; 16]);

pub(crate) fn device() -> DeviceIdentity {
    DeviceIdentity::from_parts(DeviceId::from_bytes([1; 16]), "test", &[2; 32], &[3; 32])
}

pub(crate) fn now() -> i64 {
    SystemClock.now()
}

pub(crate) fn problem(code: ErrorCode) -> Problem {
    Problem {
        kind: "about:blank".into(),
        title: format!("{code:?}"),
        status: code.status(),
        code,
        request_id: "r1".into(),
        retry_after: None,
        server_time: None,
        puzzle: None,
        used: None,
        quota: None,
        objects: Vec::new(),
    }
}

pub(crate) fn refuse(code: ErrorCode) -> Answer {
    Answer::json(code.status(), &problem(code))
}

pub(crate) fn session(access: &str, refresh: u8, expires_at: i64) -> Session {
    Session {
        session_id: SessionId::from_bytes([4; 16]),
        account_id: ACCOUNT,
        access_token: access.into(),
        expires_at,
        refresh_token: Base64(vec![refresh; 32]),
        vaults: vec![info()],
    }
}

pub(crate) fn info() -> VaultInfo {
    VaultInfo {
        vault_id: VAULT,
        region: Region::Eu,
        role: MemberRole::Owner,
        storage_origin: "http://127.0.0.1:1".into(),
        bucket: "b".into(),
        ready: true,
    }
}

/// Verifies a request's signature as the service does; returns its time and nonce.
pub(crate) fn verify(request: &Request, port: u16) -> (i64, String) {
    let header = |name: &str| request.headers.get(name).cloned().unwrap_or_default();
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let authorization = request.headers.get("authorization").map(String::as_str);
    let headers = SignatureHeaders {
        content_digest: header("content-digest"),
        signature_input: header("signature-input"),
        signature: header("signature"),
    };
    let parameters = CanonicalRequest {
        method: &request.method,
        authority: &format!("127.0.0.1:{port}"),
        path,
        query,
        body: &request.body,
        authorization,
    }
    .verify(&headers, &device().signing_key().verifying_key())
    .unwrap();
    assert_eq!(header("host"), format!("127.0.0.1:{port}"));
    (parameters.created, parameters.nonce)
}

pub(crate) fn secrets(server: &TinyServer, session: Session) -> DeviceSecrets {
    let signed_in = SignedIn { session, export_key: Zeroizing::new(vec![0; 64]) };
    DeviceSecrets::new(server.origin(), "a@example.com", ACCOUNT, device(), &signed_in)
}

pub(crate) fn signed_in(server: &TinyServer, keystore: &Arc<dyn KeyStore>, session: Session) -> HttpApi {
    let secrets = secrets(server, session);
    keystore.save(&secrets).unwrap();
    HttpApi::signed_in(&server.origin(), &secrets).unwrap().keep_session(keystore::session_keeper(keystore))
}

pub(crate) fn memory() -> Arc<dyn KeyStore> {
    Arc::new(MemoryKeyStore::default())
}
