//! What is retried, when, and what is not.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::api_parts;
use crate::tiny_server;

use std::time::{Duration, Instant, SystemTime};

use api_parts::*;
use api_types::{ErrorCode, Problem, RunId, SourceId, backup::Lease};
use client_core::api::ApiError;
use tiny_server::{Answer, TinyServer};

#[tokio::test]
async fn unsafe_requests_are_sent_once_and_safe_ones_are_retried() {
    let server = TinyServer::start(|_, _| Answer::Close);
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    let error = api.sign_out().await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable { .. }));
    assert_eq!(server.seen().len(), 1);

    let begun = Instant::now();
    let server = TinyServer::start(|number, _| {
        if number == 0 {
            Answer::json(429, &Problem { retry_after: Some(2), ..problem(ErrorCode::RateLimited) })
        } else {
            Answer::json(200, &Lease { run_id: RunId::from_bytes([1; 16]), expires_at: 1 })
        }
    });
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    api.start_backup(VAULT, RunId::from_bytes([1; 16]), SourceId::from_bytes([2; 16])).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(2) && server.seen().len() == 2);

    // A wait that is too long is reported, not slept.
    let server = TinyServer::start(|_, _| {
        Answer::json(429, &Problem { retry_after: Some(900), ..problem(ErrorCode::RateLimited) })
    });
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    assert_eq!(api.vault_info(VAULT).await.unwrap_err().retry_after(), Some(900));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_service_error_is_retried_only_where_that_is_safe() {
    let server = TinyServer::start(|number, _| match number {
        0 => refuse(ErrorCode::Internal),
        1 => Answer::status(500),
        2 => Answer::status(429),
        _ => Answer::json(200, &info()),
    });
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    assert_eq!(api.vault_info(VAULT).await.unwrap(), info());
    assert_eq!(server.seen().len(), 4);

    // What may already have been done is not repeated.
    for fault in [|| refuse(ErrorCode::Internal), || Answer::status(500)] {
        let server = TinyServer::start(move |_, _| fault());
        let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
        api.sign_out().await.unwrap_err();
        assert_eq!(server.seen().len(), 1);
    }
    // A proxy that rate-limits us did not forward the request.
    let server = TinyServer::start(|number, _| Answer::status(if number == 0 { 429 } else { 204 }));
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    api.sign_out().await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_retry_after_date_is_relative_to_the_responses_clock() {
    let date = |ahead: u64| {
        // With a clock an hour off, only the difference counts.
        let now = SystemTime::now() - Duration::from_secs(3600);
        httpdate::fmt_http_date(now + Duration::from_secs(ahead))
    };
    let headers = move |ahead| vec![("date".into(), date(0)), ("retry-after".into(), date(ahead))];
    let server = TinyServer::start(move |number, _| match number {
        0 => Answer::Full(503, headers(2), Vec::new()),
        _ => Answer::json(200, &info()),
    });
    let keystore = memory();
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    let began = Instant::now();
    api.vault_info(VAULT).await.unwrap();
    // Dates have whole seconds.
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());

    // A lying service can neither make us wait forever nor cause an overflow.
    for seconds in ["900", "18446744073709551615"] {
        let server = TinyServer::start(move |_, _| {
            Answer::Full(503, vec![("retry-after".into(), seconds.into())], Vec::new())
        });
        let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
        let error = api.vault_info(VAULT).await.unwrap_err();
        assert!(matches!(error, ApiError::Unreachable { .. }), "{error}");
        assert_eq!(server.seen().len(), 1);
    }
    let problem = Problem { retry_after: Some(u64::MAX), ..problem(ErrorCode::RateLimited) };
    let server = TinyServer::start(move |_, _| Answer::json(429, &problem));
    let api = signed_in(&server, &keystore, session("jwt", 5, now() + 3600));
    api.vault_info(VAULT).await.unwrap_err();
    assert_eq!(server.seen().len(), 1);
}
