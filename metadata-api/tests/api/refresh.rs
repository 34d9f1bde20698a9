//! Refresh tokens.

use api_types::{Base64, ErrorCode, account::Session, vault::VaultInfo};

use crate::{
    client::{Device, Person},
    stage::Stage,
};

async fn works(stage: &Stage, person: &Person, session: &Session) -> bool {
    let call = person.request_as(stage, &person.device, session, "GET", "");
    stage.call(call).await.status == 200
}

#[tokio::test]
async fn n39_reusing_a_token_ends_the_family() {
    let stage = Stage::new().await;
    let person = stage.member().await;
    let first = &person.session.refresh_token;
    let second: Session = stage.refresh(&person.device, first, [1; 16]).await.ok();
    assert_ne!(&second.refresh_token, first);
    assert!(works(&stage, &person, &second).await);
    let third: Session = stage.refresh(&person.device, &second.refresh_token, [2; 16]).await.ok();
    // Whoever reuses the first token, thief or victim, ends the session for both.
    stage.refresh(&person.device, first, [3; 16]).await.refused(ErrorCode::RefreshReused);
    assert_eq!(stage.audited().await.last().unwrap(), "refresh_reused");
    let before = stage.fingerprint(&[]).await;
    stage.refresh(&person.device, &third.refresh_token, [4; 16]).await.refused(ErrorCode::SessionRevoked);
    let call = person.request_as(&stage, &person.device, &third, "GET", "");
    stage.call(call).await.refused(ErrorCode::SessionRevoked);
    assert_eq!(stage.fingerprint(&[]).await, before);
    // A new sign-in works.
    let session = stage.login(&person, &person.device).await;
    assert!(works(&stage, &person, &session).await);
}

#[tokio::test]
async fn a_lost_response_can_be_requested_again() {
    let stage = Stage::new().await;
    let person = stage.member().await;
    let token = &person.session.refresh_token;
    let once: Session = stage.refresh(&person.device, token, [1; 16]).await.ok();
    stage.clock.shift(29);
    let again: Session = stage.refresh(&person.device, token, [1; 16]).await.ok();
    assert_eq!(once.refresh_token, again.refresh_token);
    assert_eq!(stage.rows("refresh_token").await, 2);
    // Later it counts as reuse.
    stage.clock.shift(3);
    stage.refresh(&person.device, token, [1; 16]).await.refused(ErrorCode::RefreshReused);
}

#[tokio::test]
async fn n40_two_at_once_one_wins() {
    let stage = Stage::new().await;
    let person = stage.member().await;
    let token = &person.session.refresh_token;
    let (a, b) = tokio::join!(
        stage.refresh(&person.device, token, [1; 16]),
        stage.refresh(&person.device, token, [2; 16])
    );
    let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
    let _: Session = won.ok();
    lost.refused(ErrorCode::RefreshReused);
    assert_eq!(stage.rows("refresh_token").await, 2);

    // The same attempt twice gets the same response.
    let session = stage.login(&person, &person.device).await;
    let (a, b) = tokio::join!(
        stage.refresh(&person.device, &session.refresh_token, [1; 16]),
        stage.refresh(&person.device, &session.refresh_token, [1; 16])
    );
    assert_eq!(a.ok::<Session>().refresh_token, b.ok::<Session>().refresh_token);
}

#[tokio::test]
async fn n41_from_another_device() {
    let stage = Stage::new().await;
    let person = stage.member().await;
    let token = &person.session.refresh_token;
    let before = stage.fingerprint(&[]).await;
    let mut other = Device::new();
    stage.refresh(&other, token, [1; 16]).await.refused(ErrorCode::SignatureInvalid);
    other.id = person.device.id;
    stage.refresh(&other, token, [1; 16]).await.refused(ErrorCode::SignatureInvalid);
    assert_eq!(stage.fingerprint(&[]).await, before);
    let _: Session = stage.refresh(&person.device, token, [1; 16]).await.ok();
}

#[tokio::test]
async fn unknown_malformed_and_old_tokens() {
    let stage = Stage::new().await;
    let person = stage.member().await;
    let before = stage.fingerprint(&[]).await;
    stage.refresh(&person.device, &Base64(vec![1; 32]), [1; 16]).await.refused(ErrorCode::RefreshInvalid);
    for length in [0, 31, 33] {
        let token = Base64(vec![1; length]);
        stage.refresh(&person.device, &token, [1; 16]).await.refused(ErrorCode::InvalidRequest);
    }
    // 30 days idle
    stage.clock.shift(30 * 86_400);
    stage
        .refresh(&person.device, &person.session.refresh_token, [1; 16])
        .await
        .refused(ErrorCode::RefreshInvalid);
    assert_eq!(stage.fingerprint(&[]).await, before);

    // 90 days at most, however often it is used
    let mut session = stage.login(&person, &person.device).await;
    for attempt in 0..4 {
        stage.clock.shift(21 * 86_400);
        session = stage.refresh(&person.device, &session.refresh_token, [attempt; 16]).await.ok();
    }
    stage.clock.shift(7 * 86_400);
    stage.refresh(&person.device, &session.refresh_token, [9; 16]).await.refused(ErrorCode::RefreshInvalid);
}

#[tokio::test]
async fn the_database_holds_no_token() {
    let stage = Stage::new().await;
    let person = stage.member().await;
    let hashes: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT token_hash FROM app.refresh_token").fetch_all(&stage.admin).await.unwrap();
    assert_eq!(hashes.len(), 1);
    assert_ne!(hashes[0], person.session.refresh_token.0);
    let _: VaultInfo = stage.call(person.request(&stage, "GET", "")).await.ok();
}
