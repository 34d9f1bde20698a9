//! Sign-up and sign-in with a password, against a service that implements only OPAQUE.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::api_parts;
use crate::tiny_server;

use std::sync::{Arc, Mutex};

use api_parts::*;
use api_types::{
    Base64, ErrorCode, Region, SignInId, SignUpId,
    account::{
        SecondFactor, SignInFinish, SignInStart, SignInStarted, SignUpConfirmed, SignUpFinish,
        SignUpFinished, SignUpStart, SignUpStarted,
    },
    opaque::{Binding, KSF_LANES, KSF_MEMORY_KIB, KSF_PASSES, Suite},
};
use client_core::{
    api::{ApiError, HttpApi},
    error::{Error, ErrorKind},
};
use opaque_ke::{
    ClientRegistration, ClientRegistrationFinishParameters, CredentialFinalization, CredentialRequest,
    RegistrationRequest, RegistrationUpload, ServerLogin, ServerLoginParameters, ServerRegistration,
    ServerSetup,
    argon2::{Algorithm, Argon2, Params, Version},
    rand::rngs::OsRng,
};
use tiny_server::{Answer, TinyServer};

/// Implements only OPAQUE: registers one account and signs it in.
struct Passwords {
    setup: ServerSetup<Suite>,
    record: Option<Vec<u8>>,
    pending: Option<Vec<u8>>,
    /// The context to run the protocol with; `None` for the true one.
    context: Option<Vec<u8>>,
}

impl Passwords {
    fn new() -> Self {
        Self { setup: ServerSetup::new(&mut OsRng), record: None, pending: None, context: None }
    }
}

#[tokio::test]
async fn a_password_signs_up_and_in_and_is_never_sent() {
    let server = opaque_service(Arc::new(Mutex::new(Passwords::new())));
    let api = HttpApi::anonymous(&server.origin(), &device()).unwrap();
    let password = "correct horse battery".into();

    let pending = api.sign_up(" a@example.com ", Region::Eu, &password).await.unwrap();
    assert_eq!(pending.otpauth_url, "otpauth://totp/x");
    let (codes, up) = api.confirm_sign_up(&pending, "123 456").await.unwrap();
    assert!(codes.len() == 10 && up.export_key.len() == 64);

    let pending = api.sign_in("a@example.com", &password).await.unwrap();
    let signed_in = api.second_factor(&pending, SecondFactor::Totp("654 321".into())).await.unwrap();
    assert!(*signed_in.export_key == *up.export_key, "the same key at every sign-in");
    assert_eq!(signed_in.only_vault().unwrap().vault_id, VAULT);

    let wrong = api.sign_in("a@example.com", &"wrong horse".into()).await.err().unwrap();
    assert!(matches!(wrong, ApiError::WrongCredentials));
    assert_eq!(Error::from(wrong).kind(), ErrorKind::WrongCredentials);

    for request in server.seen() {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        assert!(!text.contains("correct horse") && !request.headers.contains_key("authorization"));
        verify(&request, server.port);
    }
    let last: serde_json::Value = serde_json::from_slice(&server.seen()[4].body).unwrap();
    assert!(last["ke3"].is_string(), "{last}");
    assert!(server.seen()[2].body.windows(8).any(|w| w == b"\"123456\""), "spaces in a code are dropped");
}

/// A service cannot lower the client's compiled-in key stretching: neither through a record created with less, nor by
/// claiming less. Both look like a wrong password.
#[tokio::test]
async fn n05_weaker_key_stretching_is_a_wrong_password() {
    const WEAK: (u32, u32, u32) = (19 * 1024, 2, 1);
    let passwords = Arc::new(Mutex::new(Passwords::new()));
    let server = opaque_service(Arc::clone(&passwords));
    let api = HttpApi::anonymous(&server.origin(), &device()).unwrap();
    let password = "correct horse battery";
    let binding = Binding::new(ACCOUNT, Region::Eu);
    let ksf = |(memory, passes, lanes)| {
        let params = Params::new(memory, passes, lanes, None).unwrap();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
    };
    let register = |how| {
        let mut state = passwords.lock().unwrap();
        let client = ClientRegistration::<Suite>::start(&mut OsRng, password.as_bytes()).unwrap();
        let answer =
            ServerRegistration::<Suite>::start(&state.setup, client.message, binding.credential_identifier())
                .unwrap();
        let stretching = ksf(how);
        let parameters = ClientRegistrationFinishParameters::new(binding.identifiers(), Some(&stretching));
        let done = client.state.finish(&mut OsRng, password.as_bytes(), answer.message, parameters).unwrap();
        state.record = Some(ServerRegistration::finish(done.message).serialize().to_vec());
    };
    let strong = (KSF_MEMORY_KIB, KSF_PASSES, KSF_LANES);
    let truth = String::from_utf8(binding.context().to_vec()).unwrap();
    let said = |(m, t, p): (u32, u32, u32)| format!("m={m},t={t},p={p}");
    let lie = truth.replace(&said(strong), &said(WEAK));
    assert_ne!(lie, truth);
    for (made, told, signs_in) in
        [(strong, &truth, true), (WEAK, &truth, false), (strong, &lie, false), (WEAK, &lie, false)]
    {
        register(made);
        passwords.lock().unwrap().context = Some(told.clone().into_bytes());
        let outcome = api.sign_in("a@example.com", &password.into()).await;
        match outcome.err() {
            None => assert!(signs_in, "{made:?}, said to be {told}"),
            Some(error) => {
                assert!(!signs_in && matches!(error, ApiError::WrongCredentials), "{made:?}: {error}");
            }
        }
    }
}

fn opaque_service(passwords: Arc<Mutex<Passwords>>) -> TinyServer {
    let sign_up_id = SignUpId::from_bytes([5; 16]);
    let sign_in_id = SignInId::from_bytes([6; 16]);
    TinyServer::start(move |_, request| {
        let mut state = passwords.lock().unwrap();
        let binding = Binding::new(ACCOUNT, Region::Eu);
        let context = state.context.clone().unwrap_or_else(|| binding.context().to_vec());
        match request.target.as_str() {
            "/v1/sign-up/start" => {
                let body: SignUpStart = serde_json::from_slice(&request.body).unwrap();
                assert_eq!(body.email, "a@example.com");
                assert_eq!(body.device, device().public());
                let message = RegistrationRequest::deserialize(&body.registration_request.0).unwrap();
                let answer = ServerRegistration::<Suite>::start(
                    &state.setup,
                    message,
                    binding.credential_identifier(),
                )
                .unwrap();
                Answer::json(
                    200,
                    &SignUpStarted {
                        sign_up_id,
                        account_id: ACCOUNT,
                        registration_response: Base64(answer.message.serialize().to_vec()),
                    },
                )
            }
            "/v1/sign-up/finish" => {
                let body: SignUpFinish = serde_json::from_slice(&request.body).unwrap();
                let upload = RegistrationUpload::<Suite>::deserialize(&body.registration_upload.0).unwrap();
                state.record = Some(ServerRegistration::finish(upload).serialize().to_vec());
                Answer::json(200, &SignUpFinished { otpauth_url: "otpauth://totp/x".into() })
            }
            "/v1/sign-up/confirm" => Answer::json(
                200,
                &SignUpConfirmed {
                    recovery_codes: vec!["c".into(); 10],
                    session: session("jwt", 5, now() + 3600),
                },
            ),
            "/v1/sign-in/start" => {
                let body: SignInStart = serde_json::from_slice(&request.body).unwrap();
                let record = ServerRegistration::deserialize(state.record.as_ref().unwrap()).unwrap();
                let started = ServerLogin::<Suite>::start(
                    &mut OsRng,
                    &state.setup,
                    Some(record),
                    CredentialRequest::deserialize(&body.ke1.0).unwrap(),
                    binding.credential_identifier(),
                    ServerLoginParameters { context: Some(&context), identifiers: binding.identifiers() },
                )
                .unwrap();
                state.pending = Some(started.state.serialize().to_vec());
                Answer::json(
                    200,
                    &SignInStarted {
                        sign_in_id,
                        account_id: ACCOUNT,
                        region: Region::Eu,
                        ke2: Base64(started.message.serialize().to_vec()),
                    },
                )
            }
            "/v1/sign-in/finish" => {
                let body: SignInFinish = serde_json::from_slice(&request.body).unwrap();
                let pending = ServerLogin::<Suite>::deserialize(state.pending.as_ref().unwrap()).unwrap();
                let parameters =
                    ServerLoginParameters { context: Some(&context), identifiers: binding.identifiers() };
                match pending.finish(CredentialFinalization::deserialize(&body.ke3.0).unwrap(), parameters) {
                    Ok(_) => Answer::status(204),
                    Err(_) => refuse(ErrorCode::SignInFailed),
                }
            }
            "/v1/sign-in/second-factor" => Answer::json(200, &session("jwt", 5, now() + 3600)),
            _ => refuse(ErrorCode::NotFound),
        }
    })
}
