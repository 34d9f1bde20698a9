//! Access tokens.

use api_types::{ErrorCode, Region, vault::VaultInfo};
use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use crate::support::{
    client::{Device, Person},
    fixture::Fixture,
};

fn parts(person: &Person) -> (Value, Value) {
    let mut parts = person.session.access_token.split('.');
    let mut json = || {
        let bytes = Base64UrlUnpadded::decode_vec(parts.next().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    (json(), json())
}

fn encode(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let text = |v: &Value| Base64UrlUnpadded::encode_string(&serde_json::to_vec(v).unwrap());
    let message = format!("{}.{}", text(header), text(claims));
    let signature = Base64UrlUnpadded::encode_string(&sign(message.as_bytes()));
    format!("{message}.{signature}")
}

async fn present(fixture: &Fixture, person: &Person, token: &str) -> crate::support::client::Reply {
    let mut call = person.request(fixture, "GET", "");
    call.bearer = Some(format!("Bearer {token}"));
    fixture.call(call).await
}

#[tokio::test]
async fn a_token_says_what_it_has_to_and_no_more() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let (header, claims) = parts(&person);
    assert_eq!(header["alg"], "EdDSA");
    assert_eq!(header["typ"], "at+jwt");
    assert!(header["kid"].is_string());
    assert_eq!(claims["aud"], "sealkeep-api-eu");
    assert_eq!(claims["sub"], person.account.to_string());
    assert_eq!(claims["sid"], person.session.session_id.to_string());
    assert_eq!(claims["device"], person.device.id.to_string());
    assert_eq!(claims["amr"], json!(["pwd", "otp"]));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    let jkt = metadata_api::keys::token::thumbprint(&person.device.key.verifying_key().to_bytes());
    assert_eq!(claims["cnf"], json!({ "jkt": jkt }));
    let names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 11, "{names:?}");
    assert!(!person.session.access_token.contains(&person.email));
}

#[tokio::test]
async fn n35_past_its_hour() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    fixture.clock.shift(3590);
    fixture.call(person.request(&fixture, "GET", "")).await.ok::<VaultInfo>();
    fixture.clock.shift(20);
    let before = fixture.fingerprint(&[]).await;
    fixture.call(person.request(&fixture, "GET", "")).await.refused(ErrorCode::TokenExpired);
    assert_eq!(fixture.fingerprint(&[]).await, before);
}

#[tokio::test]
async fn n36_n37_n38_forged_tokens() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    fixture.call(person.request(&fixture, "GET", "")).await.ok::<VaultInfo>();
    let before = fixture.fingerprint(&[]).await;
    let ours = SigningKey::from_bytes(&fixture.token_seed);
    let sign = |message: &[u8]| ours.sign(message).to_bytes().to_vec();
    let (header, claims) = parts(&person);
    // The forger works: the same content, signed with the right key, is accepted.
    assert_eq!(present(&fixture, &person, &encode(&header, &claims, sign)).await.status, 200);

    let with = |base: &Value, name: &str, value: Value| {
        let mut changed = base.clone();
        changed[name] = value;
        changed
    };
    let none = |_: &[u8]| Vec::new();
    let hs256 = |message: &[u8]| {
        use hmac::{Hmac, KeyInit, Mac};
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(ours.verifying_key().as_bytes()).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    };
    let stranger = SigningKey::from_bytes(&rand::random());
    let foreign = |message: &[u8]| stranger.sign(message).to_bytes().to_vec();
    let region = |r: Region| {
        let claims = with(&claims, "aud", json!(format!("sealkeep-api-{r}")));
        with(&claims, "region", json!(r))
    };
    let other_jkt = metadata_api::keys::token::thumbprint(&Device::new().key.verifying_key().to_bytes());
    let forged = [
        ("36 alg none", encode(&with(&header, "alg", json!("none")), &claims, none)),
        ("36 no signature", encode(&header, &claims, none)),
        ("37 HS256 with the public key", encode(&with(&header, "alg", json!("HS256")), &claims, hs256)),
        ("another key", encode(&header, &claims, foreign)),
        ("38 region not served here", encode(&header, &region(Region::Us), sign)),
        ("38 region served here, not the account's", encode(&header, &region(Region::Ca), sign)),
        (
            "38 audience and region differ",
            encode(&header, &with(&claims, "aud", json!("sealkeep-api-ca")), sign),
        ),
        ("audience of another service", encode(&header, &with(&claims, "aud", json!("other")), sign)),
        ("issuer", encode(&header, &with(&claims, "iss", json!("other")), sign)),
        ("type", encode(&with(&header, "typ", json!("JWT")), &claims, sign)),
        ("kid", encode(&with(&header, "kid", json!("other")), &claims, sign)),
        ("from the future", encode(&header, &with(&claims, "iat", json!(fixture.clock.now() + 60)), sign)),
        ("another key's thumbprint", encode(&header, &with(&claims, "cnf", json!({"jkt": other_jkt})), sign)),
        ("no such session", encode(&header, &with(&claims, "sid", json!(uuid::Uuid::nil())), sign)),
        ("no such account", encode(&header, &with(&claims, "sub", json!(uuid::Uuid::nil())), sign)),
        ("expiry as text", encode(&header, &with(&claims, "exp", json!("9999999999")), sign)),
        ("not a token", "abc".to_owned()),
        ("empty", String::new()),
    ];
    for (what, token) in forged {
        let reply = present(&fixture, &person, &token).await;
        assert_eq!(reply.status, 401, "{what}");
        reply.refused(ErrorCode::TokenInvalid);
    }
    let mut call = person.request(&fixture, "GET", "");
    call.bearer = Some("Basic YTpi".into());
    fixture.call(call).await.refused(ErrorCode::TokenInvalid);
    assert_eq!(fixture.fingerprint(&[]).await, before);
}

#[tokio::test]
async fn n43_a_session_that_was_ended() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    fixture.call(person.request(&fixture, "GET", "")).await.ok::<VaultInfo>();
    let sign_out = crate::support::client::Call::new(&fixture, &person.device, "POST", "/v1/sign-out")
        .bearer(&person.session);
    fixture.call(sign_out).await.done();
    let before = fixture.fingerprint(&[]).await;
    fixture.call(person.request(&fixture, "GET", "")).await.refused(ErrorCode::SessionRevoked);
    fixture
        .refresh(&person.device, &person.session.refresh_token, [1; 16])
        .await
        .refused(ErrorCode::SessionRevoked);
    assert_eq!(fixture.fingerprint(&[]).await, before);
    assert_eq!(fixture.audited().await.last().unwrap(), "signed_out");
}
