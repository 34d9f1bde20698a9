//! Refresh tokens.

use api_types::{Base64, ErrorCode, account::Session, vault::VaultInfo};

use crate::support::{
    client::{Device, Person},
    fixture::Fixture,
};

async fn works(fixture: &Fixture, person: &Person, session: &Session) -> bool {
    let call = person.request_as(fixture, &person.device, session, "GET", "");
    fixture.call(call).await.status == 200
}

#[tokio::test]
async fn n39_reusing_a_token_ends_the_family() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let first = &person.session.refresh_token;
    let second: Session = fixture.refresh(&person.device, first, [1; 16]).await.ok();
    assert_ne!(&second.refresh_token, first);
    assert!(works(&fixture, &person, &second).await);
    let third: Session = fixture.refresh(&person.device, &second.refresh_token, [2; 16]).await.ok();
    // Whoever reuses the first token, thief or victim, ends the session for both.
    fixture.refresh(&person.device, first, [3; 16]).await.refused(ErrorCode::RefreshReused);
    assert_eq!(fixture.audited().await.last().unwrap(), "refresh_reused");
    let before = fixture.fingerprint(&[]).await;
    fixture.refresh(&person.device, &third.refresh_token, [4; 16]).await.refused(ErrorCode::SessionRevoked);
    let call = person.request_as(&fixture, &person.device, &third, "GET", "");
    fixture.call(call).await.refused(ErrorCode::SessionRevoked);
    assert_eq!(fixture.fingerprint(&[]).await, before);
    // A new sign-in works.
    let session = fixture.sign_in(&person, &person.device).await;
    assert!(works(&fixture, &person, &session).await);
}

#[tokio::test]
async fn a_lost_response_can_be_requested_again() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let token = &person.session.refresh_token;
    let once: Session = fixture.refresh(&person.device, token, [1; 16]).await.ok();
    fixture.clock.shift(29);
    let again: Session = fixture.refresh(&person.device, token, [1; 16]).await.ok();
    assert_eq!(once.refresh_token, again.refresh_token);
    assert_eq!(fixture.rows("refresh_token").await, 2);
    // Later it counts as reuse.
    fixture.clock.shift(3);
    fixture.refresh(&person.device, token, [1; 16]).await.refused(ErrorCode::RefreshReused);
}

#[tokio::test]
async fn n40_two_at_once_one_wins() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let token = &person.session.refresh_token;
    let (a, b) = tokio::join!(
        fixture.refresh(&person.device, token, [1; 16]),
        fixture.refresh(&person.device, token, [2; 16])
    );
    let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
    let _: Session = won.ok();
    lost.refused(ErrorCode::RefreshReused);
    assert_eq!(fixture.rows("refresh_token").await, 2);

    // The same attempt twice gets the same response.
    let session = fixture.sign_in(&person, &person.device).await;
    let (a, b) = tokio::join!(
        fixture.refresh(&person.device, &session.refresh_token, [1; 16]),
        fixture.refresh(&person.device, &session.refresh_token, [1; 16])
    );
    assert_eq!(a.ok::<Session>().refresh_token, b.ok::<Session>().refresh_token);
}

#[tokio::test]
async fn n41_from_another_device() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let token = &person.session.refresh_token;
    let before = fixture.fingerprint(&[]).await;
    let mut other = Device::new();
    fixture.refresh(&other, token, [1; 16]).await.refused(ErrorCode::SignatureInvalid);
    other.id = person.device.id;
    fixture.refresh(&other, token, [1; 16]).await.refused(ErrorCode::SignatureInvalid);
    assert_eq!(fixture.fingerprint(&[]).await, before);
    let _: Session = fixture.refresh(&person.device, token, [1; 16]).await.ok();
}

#[tokio::test]
async fn unknown_malformed_and_old_tokens() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let before = fixture.fingerprint(&[]).await;
    fixture.refresh(&person.device, &Base64(vec![1; 32]), [1; 16]).await.refused(ErrorCode::RefreshInvalid);
    for length in [0, 31, 33] {
        let token = Base64(vec![1; length]);
        fixture.refresh(&person.device, &token, [1; 16]).await.refused(ErrorCode::InvalidRequest);
    }
    // 30 days idle
    fixture.clock.shift(30 * 86_400);
    fixture
        .refresh(&person.device, &person.session.refresh_token, [1; 16])
        .await
        .refused(ErrorCode::RefreshInvalid);
    assert_eq!(fixture.fingerprint(&[]).await, before);

    // 90 days at most, however often it is used
    let mut session = fixture.sign_in(&person, &person.device).await;
    for attempt in 0..4 {
        fixture.clock.shift(21 * 86_400);
        session = fixture.refresh(&person.device, &session.refresh_token, [attempt; 16]).await.ok();
    }
    fixture.clock.shift(7 * 86_400);
    fixture.refresh(&person.device, &session.refresh_token, [9; 16]).await.refused(ErrorCode::RefreshInvalid);
}

#[tokio::test]
async fn the_database_holds_no_token() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar("SELECT token_hash FROM app.refresh_token")
        .fetch_all(&fixture.admin)
        .await
        .unwrap();
    assert_eq!(hashes.len(), 1);
    assert_ne!(hashes[0], person.session.refresh_token.0);
    let _: VaultInfo = fixture.call(person.request(&fixture, "GET", "")).await.ok();
}
