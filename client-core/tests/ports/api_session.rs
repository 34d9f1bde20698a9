//! The service client against a minimal service that checks its requests.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::api_parts;
use crate::tiny_server;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use api_parts::*;
use api_types::{
    Base64, ErrorCode, ObjectId, ObjectKind, Problem, RunId,
    account::{Refresh, ServiceInfo},
    backup::{NewObject, UploadGrant, UploadGrants, UploadState},
    envelope::SignedEnvelope,
    vault::{ObjectRow, Objects, SnapshotRow, Snapshots},
};
use client_core::{
    api::{ApiError, Bounds, HttpApi, SessionTokens},
    clock::FixedClock,
    error::{Error, ErrorKind},
    keystore,
};
use tiny_server::{Answer, TinyServer};

#[tokio::test]
async fn every_attempt_is_signed_again() {
    let server = TinyServer::start(|number, _| match number {
        0 => refuse(ErrorCode::Unavailable),
        1 => Answer::Close,
        2 => Answer::status(502),
        _ => Answer::json(200, &info()),
    });
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    assert_eq!(api.vault_info(VAULT).await.unwrap(), info());
    let seen = server.seen();
    assert_eq!(seen.len(), 4);
    let nonces: HashSet<String> = seen.iter().map(|request| verify(request, server.port).1).collect();
    assert_eq!(nonces.len(), 4, "a nonce is never used twice");
    assert!(
        seen.iter()
            .all(|r| r.headers["authorization"] == "Bearer jwt" && r.target == format!("/v1/vaults/{VAULT}"))
    );
}

#[tokio::test]
async fn a_public_route_carries_neither_signature_nor_token() {
    let server = TinyServer::start(|_, _| {
        Answer::json(200, &ServiceInfo { version: "1".into(), regions: vec![], server_time: 1 })
    });
    let keystore = memory();
    signed_in(&server, &keystore, session("jwt", 5, now() + 3600)).service_info().await.unwrap();
    let request = server.seen().pop().unwrap();
    assert!(!request.headers.contains_key("authorization") && !request.headers.contains_key("signature"));
}

#[tokio::test]
async fn a_wrong_clock_is_worked_around_once_and_only_within_a_day() {
    for (offset, works) in [(7200, true), (-7200, true), (90_000, false)] {
        let service_now = now() + offset;
        let server = TinyServer::start(move |_, request| {
            let created: i64 = request.headers["signature-input"]
                .split_once("created=")
                .and_then(|(_, rest)| rest.split(';').next()?.parse().ok())
                .unwrap();
            if (created - service_now).abs() < 60 {
                Answer::json(200, &info())
            } else {
                let problem = Problem { server_time: Some(service_now), ..problem(ErrorCode::ClockSkew) };
                Answer::json(401, &problem)
            }
        });
        let keystore = memory();
        let api = signed_in(&server, &keystore, session("jwt", 5, now() + 1_000_000));
        match api.vault_info(VAULT).await {
            Ok(_) => assert!(works),
            Err(error) => {
                assert!(!works && matches!(error, ApiError::ClockTooFar { .. }), "{error:?}");
                assert_eq!(Error::from(error).kind(), ErrorKind::ClockSkew);
                assert_eq!(server.seen().len(), 1);
                continue;
            }
        }
        api.vault_info(VAULT).await.unwrap();
        assert_eq!(server.seen().len(), 3, "the second request is right at once");
    }
    // A service that keeps objecting does not keep us busy.
    let server = TinyServer::start(|_, _| {
        Answer::json(401, &Problem { server_time: Some(now()), ..problem(ErrorCode::ClockSkew) })
    });
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    assert_eq!(api.vault_info(VAULT).await.unwrap_err().code(), Some(ErrorCode::ClockSkew));
    assert_eq!(server.seen().len(), 2);
}

/// A service with rotating refresh tokens: 32 bytes of 5, then of 6.
fn rotating(expires_in: i64, lose_first: bool) -> TinyServer {
    let spent = AtomicU32::new(0);
    TinyServer::start(move |_, request| {
        if request.target != "/v1/token/refresh" {
            let fresh = request.headers["authorization"] != "Bearer old";
            return if fresh { Answer::json(200, &info()) } else { refuse(ErrorCode::TokenExpired) };
        }
        assert!(!request.headers.contains_key("authorization"));
        if spent.fetch_add(1, Ordering::SeqCst) == 0 && lose_first {
            return Answer::Close;
        }
        Answer::json(200, &session("new", 6, now() + expires_in))
    })
}

fn refreshes(server: &TinyServer) -> Vec<Refresh> {
    let seen = server.seen();
    seen.iter()
        .filter(|r| r.target == "/v1/token/refresh")
        .inspect(|r| drop(verify(r, server.port)))
        .map(|r| serde_json::from_slice(&r.body).unwrap())
        .collect()
}

#[tokio::test]
async fn a_session_is_renewed_early_and_stored_before_it_is_used() {
    let server = rotating(3600, false);
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("old", 5, now() + 30));
    api.vault_info(VAULT).await.unwrap();
    api.vault_info(VAULT).await.unwrap();
    assert_eq!(refreshes(&server).len(), 1);
    assert_eq!(refreshes(&server)[0].refresh_token, Base64(vec![5; 32]));
    let kept = keystore.load().unwrap().unwrap().session.unwrap();
    assert!(*kept.refresh == vec![6; 32] && *kept.access == "new" && kept.attempt.is_none());
}

#[tokio::test]
async fn a_token_that_the_service_calls_expired_is_renewed_once() {
    let server = rotating(3600, false);
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("old", 5, now() + 3600));
    api.vault_info(VAULT).await.unwrap();
    assert_eq!(refreshes(&server).len(), 1);
    assert_eq!(server.seen().len(), 3);
    // Without a place to store the next token, it is not renewed.
    let api =
        HttpApi::signed_in(&server.origin(), &secrets(&server, session("old", 5, now() + 3600))).unwrap();
    assert_eq!(api.vault_info(VAULT).await.unwrap_err().code(), Some(ErrorCode::TokenExpired));
    assert_eq!(refreshes(&server).len(), 1);
}

#[tokio::test]
async fn a_lost_response_is_requested_with_the_same_attempt() {
    let server = rotating(3600, true);
    let keystore = memory();
    signed_in(&server, &keystore, session("old", 5, 0)).vault_info(VAULT).await.unwrap();
    let sent = refreshes(&server);
    assert_eq!(sent.len(), 2);
    assert_eq!((&sent[0].refresh_token, &sent[0].attempt), (&sent[1].refresh_token, &sent[1].attempt));
    assert_eq!(sent[0].attempt.0.len(), 16);

    // The process dies between request and response: the next one repeats the stored attempt.
    let server = rotating(3600, false);
    let mut secrets = secrets(&server, session("old", 5, 0));
    if let Some(tokens) = &mut secrets.session {
        tokens.attempt = Some([9; 16]);
    }
    let keystore = memory();
    keystore.save(&secrets).unwrap();
    let api = HttpApi::signed_in(&server.origin(), &secrets)
        .unwrap()
        .keep_session(keystore::session_keeper(&keystore));
    api.vault_info(VAULT).await.unwrap();
    assert_eq!(refreshes(&server)[0].attempt, Base64(vec![9; 16]));
}

#[tokio::test]
async fn many_requests_and_two_processes_spend_a_token_once() {
    let server = rotating(3600, false);
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (keystore::open(home.path(), None).unwrap(), keystore::open(home.path(), None).unwrap());
    let first = Arc::new(signed_in(&server, &one, session("old", 5, 0)));
    let second = Arc::new(signed_in(&server, &two, session("old", 5, 0)));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16 {
        let api = Arc::clone(if number % 2 == 0 { &first } else { &second });
        tasks.spawn(async move { api.vault_info(VAULT).await.map(drop) });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(refreshes(&server).len(), 1);
}

#[tokio::test]
async fn a_token_that_cannot_be_stored_is_not_used() {
    struct Broken(SessionTokens);
    impl client_core::device::SessionKeeper for Broken {
        fn lock(&self) -> Result<Option<Box<dyn Send>>, Error> {
            Ok(Some(Box::new(())))
        }
        fn load(&self) -> Result<Option<SessionTokens>, Error> {
            Ok(Some(self.0.clone()))
        }
        fn save(&self, _: &SessionTokens) -> Result<(), Error> {
            Err(Error::io("the key store", &std::io::ErrorKind::StorageFull.into()))
        }
    }
    let server = rotating(3600, false);
    let secrets = secrets(&server, session("old", 5, 0));
    let keeper = Broken(secrets.session.clone().unwrap());
    let api = HttpApi::signed_in(&server.origin(), &secrets).unwrap().keep_session(Arc::new(keeper));
    let error = Error::from(api.vault_info(VAULT).await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::DiskFull);
    assert!(server.seen().is_empty(), "nothing was spent");
}

#[tokio::test]
async fn every_refusal_has_its_kind() {
    for (code, kind) in [
        (ErrorCode::SessionRevoked, ErrorKind::SessionEnded),
        (ErrorCode::RefreshReused, ErrorKind::SessionEnded),
        (ErrorCode::DeviceRevoked, ErrorKind::DeviceRevoked),
        (ErrorCode::DeviceNotApproved, ErrorKind::DeviceNotApproved),
        (ErrorCode::SecondFactorFailed, ErrorKind::SecondFactor),
        (ErrorCode::SignInFailed, ErrorKind::WrongCredentials),
        (ErrorCode::NotFound, ErrorKind::NotFound),
        (ErrorCode::MissingObjects, ErrorKind::ServiceError(ErrorCode::MissingObjects)),
    ] {
        let server = TinyServer::start(move |_, _| refuse(code));
        let keystore = memory();
        let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
        let error = Error::from(api.vault_info(VAULT).await.unwrap_err());
        assert_eq!(error.kind(), kind);
        assert!(!error.next_step().is_empty() && server.seen().len() == 1, "{code:?}");
    }
    for answer in [
        Answer::Full(200, Vec::new(), b"<html>".to_vec()),
        Answer::Full(302, vec![("location".into(), "http://127.0.0.1:1/".into())], Vec::new()),
        Answer::Full(404, Vec::new(), b"nginx".to_vec()),
        Answer::json(200, &serde_json::json!({"unknown": 1})),
    ] {
        let server = TinyServer::start(move |_, _| answer.clone());
        let keystore = memory();
        let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
        assert!(matches!(api.vault_info(VAULT).await, Err(ApiError::Unexpected { .. })));
        assert_eq!(server.seen().len(), 1);
    }
    let server = TinyServer::start(|_, _| Answer::Endless(vec![b' '; 40_000_000]));
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    assert!(matches!(api.vault_info(VAULT).await, Err(ApiError::Unexpected { .. })));
}

/// The number of objects listed.
async fn objects(api: &HttpApi) -> Result<usize, ApiError> {
    let mut rows = 0;
    let take = |_| {
        rows += 1;
        Ok::<_, ApiError>(())
    };
    api.objects(VAULT, ObjectKind::Index, take).await.map(|()| rows)
}

#[tokio::test]
async fn a_page_longer_than_requested_is_refused() {
    let row = |number| ObjectRow { number, id: ObjectId::new([1; 32]), kind: ObjectKind::Index, size: 1 };
    let server =
        TinyServer::start(move |_, _| Answer::json(200, &Objects { objects: (1..=1001).map(row).collect() }));
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    assert!(matches!(objects(&api).await, Err(ApiError::Unexpected { .. })));
}

/// Each page is verified before the next one is requested.
#[tokio::test]
async fn a_row_that_is_refused_ends_the_list() {
    let head = || SignedEnvelope { envelope: Base64(vec![7; 200]), signature: Base64(vec![0; 64]) };
    let server = TinyServer::start(move |number, _| {
        let first = 1 + 1000 * u64::try_from(number).unwrap();
        let row = |position| SnapshotRow { position, snapshot_id: ObjectId::new([1; 32]), head: head() };
        Answer::json(200, &Snapshots { snapshots: (first..first + 1000).map(row).collect() })
    });
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    for last in [1_u64, 1000, 2500] {
        let (mut taken, asked) = (0, server.seen().len());
        let read = api
            .snapshots(VAULT, |_| {
                taken += 1;
                if taken < last { Ok(()) } else { Err(ApiError::Internal("refused".into())) }
            })
            .await;
        assert!(matches!(read, Err(ApiError::Internal(_))), "{read:?}");
        assert_eq!(taken, last);
        let pages = server.seen().len() - asked;
        // The server keeps counting: each list begins where the last one ended, with one page per thousand rows.
        assert_eq!(pages as u64, last.div_ceil(1000), "{last} rows");
    }
}

#[tokio::test]
async fn pages_are_read_to_the_end_and_must_move_on() {
    let row = |number| ObjectRow { number, id: ObjectId::new([1; 32]), kind: ObjectKind::Index, size: 1 };
    let server = TinyServer::start(move |number, _| {
        let rows = match number {
            0 => (1..=1000).map(row).collect(),
            _ => vec![row(1001), row(1007)],
        };
        Answer::json(200, &Objects { objects: rows })
    });
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    assert_eq!(objects(&api).await.unwrap(), 1002);
    let targets: Vec<String> = server.seen().into_iter().map(|r| r.target).collect();
    assert!(
        targets[0].ends_with("/objects?kind=index&limit=1000")
            && targets[1].ends_with("?kind=index&after=1000&limit=1000")
    );
    server.seen().iter().for_each(|request| drop(verify(request, server.port)));

    let server =
        TinyServer::start(move |_, _| Answer::json(200, &Objects { objects: (1..=1000).map(row).collect() }));
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    assert!(matches!(objects(&api).await, Err(ApiError::Unexpected { .. })));
    assert_eq!(server.seen().len(), 2, "it is not asked for without end");
}

#[tokio::test]
async fn a_list_without_an_end_is_refused() {
    // Pages that look valid and continue forever.
    let endless = || {
        TinyServer::start(move |number, _| {
            let first = 1 + 1000 * u32::try_from(number).unwrap();
            let row =
                |number| ObjectRow { number, id: ObjectId::new([1; 32]), kind: ObjectKind::Index, size: 1 };
            Answer::json(200, &Objects { objects: (first..first + 1000).map(row).collect() })
        })
    };
    let all = Bounds::default();
    for bounds in [
        Bounds { rows: 2500, ..all },
        Bounds { pages: 2, ..all },
        Bounds { bytes: 200_000, ..all },
        Bounds { time: std::time::Duration::ZERO, ..all },
    ] {
        let (server, keystore) = (endless(), memory());
        let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600)).with_bounds(bounds);
        let refused = objects(&api).await;
        assert!(matches!(refused, Err(ApiError::Unexpected { .. })), "{bounds:?}: {refused:?}");
        assert!(server.seen().len() <= 3, "{bounds:?}: {} pages were read", server.seen().len());
    }
}

#[tokio::test]
async fn a_grant_for_another_object_is_refused() {
    let server = TinyServer::start(|_, _| {
        let grant = UploadGrant { number: 1, id: ObjectId::new([9; 32]), state: UploadState::Stored };
        Answer::json(200, &UploadGrants { grants: vec![grant] })
    });
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    let object = NewObject { kind: ObjectKind::Pack, size: 1, id: ObjectId::new([1; 32]) };
    let answer = api.want_upload(VAULT, RunId::from_bytes([1; 16]), object).await;
    assert!(matches!(answer, Err(ApiError::Unexpected { .. })));
}

#[tokio::test]
async fn the_clock_can_be_injected() {
    let server = TinyServer::start(|_, _| Answer::json(200, &info()));
    let clock = Arc::new(FixedClock::new(1_000));
    let api = HttpApi::signed_in(&server.origin(), &secrets(&server, session("jwt", 5, 5_000)))
        .unwrap()
        .with_clock(clock.clone());
    api.vault_info(VAULT).await.unwrap();
    clock.set(2_000);
    api.vault_info(VAULT).await.unwrap();
    let created: Vec<i64> = server.seen().iter().map(|r| verify(r, server.port).0).collect();
    assert_eq!(created, [1_000, 2_000]);
}

/// While an address is under attack, a new machine gets in by solving a puzzle; it does not work forever.
#[tokio::test]
async fn a_puzzle_is_solved_and_the_request_sent_again() {
    let asks = |bits: u8| {
        let puzzle = Some(api_types::puzzle::Puzzle { salt: vec![bits; 57].into(), bits });
        Answer::json(429, &Problem { puzzle, ..problem(ErrorCode::PuzzleRequired) })
    };
    let server = TinyServer::start(
        move |number, _| if number == 0 { asks(8) } else { refuse(ErrorCode::SignInFailed) },
    );
    let api = HttpApi::anonymous(&server.origin(), &device()).unwrap();
    let password = "password".to_owned().into();
    assert!(matches!(api.sign_in("a@example.com", &password).await, Err(ApiError::Problem(_))));
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    let sent: api_types::account::SignInStart = serde_json::from_slice(&seen[1].body).unwrap();
    let solved = sent.puzzle.unwrap();
    assert!(solved.holds(8) && solved.salt.0 == [8; 57]);

    // Harder than an honest service would ask, and puzzle after puzzle.
    for (bits, requests) in [(27, 1), (255, 1), (4, 3)] {
        let server = TinyServer::start(move |_, _| asks(bits));
        let api = HttpApi::anonymous(&server.origin(), &device()).unwrap();
        assert!(matches!(api.sign_in("a@example.com", &password).await, Err(ApiError::Unexpected { .. })));
        assert_eq!(server.seen().len(), requests, "{bits}");
    }
}

#[tokio::test]
async fn a_full_vault_is_reported_with_its_numbers() {
    let server = TinyServer::start(|_, _| {
        let (used, quota) = (Some(3 << 29), Some(2 << 30));
        Answer::json(409, &Problem { used, quota, ..problem(ErrorCode::QuotaExceeded) })
    });
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    let error = Error::from(api.vault_info(VAULT).await.unwrap_err());
    let said = error.to_string();
    assert!(said.contains("this vault's quota is reached: 1.61 GB of 2.15 GB used"), "{said}");
}
