//! An independent implementation of RFC 9421 accepts the signed request; any change invalidates it.

use api_types::{
    DeviceId,
    signature::{CanonicalRequest, Refused, SignatureHeaders},
};
use base64ct::{Base64, Encoding};
use ed25519_dalek::{SigningKey, VerifyingKey};
use httpsig::prelude::{
    AlgorithmName, HttpSignatureBase, HttpSignatureHeaders, PublicKey,
    message_component::HttpMessageComponent,
};

const CREATED: i64 = 1_790_000_000;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn request() -> CanonicalRequest<'static> {
    CanonicalRequest {
        method: "POST",
        authority: "api.example:8787",
        path: "/v1/vaults/5/backups",
        query: "after=3&limit=5",
        body: br#"{"a":1}"#,
        authorization: Some("Bearer token"),
    }
}

fn sign(request: &CanonicalRequest<'_>) -> SignatureHeaders {
    request.sign(&key(), DeviceId::from_bytes([9; 16]), CREATED, [3; 16])
}

#[test]
fn an_independent_implementation_verifies_it() {
    for authorization in [Some("Bearer token"), None] {
        let request = CanonicalRequest { authorization, ..request() };
        let signed = sign(&request);
        let headers = HttpSignatureHeaders::try_parse(&signed.signature, &signed.signature_input).unwrap();
        let headers = headers.get("sealkeep").unwrap();
        let mut lines = vec![
            format!("\"@method\": {}", request.method),
            format!("\"@authority\": {}", request.authority),
            format!("\"@path\": {}", request.path),
            format!("\"@query\": ?{}", request.query),
            format!("\"content-digest\": {}", signed.content_digest),
        ];
        lines.extend(authorization.map(|a| format!("\"authorization\": {a}")));
        let lines: Vec<_> =
            lines.iter().map(|l| HttpMessageComponent::try_from(l.as_str()).unwrap()).collect();
        let base = HttpSignatureBase::try_new(&lines, headers.signature_params()).unwrap();
        let public =
            PublicKey::from_bytes(&AlgorithmName::Ed25519, key().verifying_key().as_bytes()).unwrap();
        base.verify_signature_headers(&public, headers).unwrap();
    }
}

#[test]
fn what_was_signed_verifies() {
    let parameters = request().verify(&sign(&request()), &key().verifying_key()).unwrap();
    assert_eq!(parameters.created, CREATED);
    assert_eq!(parameters.device, DeviceId::from_bytes([9; 16]));
}

#[test]
fn every_covered_part_counts() {
    let headers = sign(&request());
    let changed = [
        CanonicalRequest { method: "PUT", ..request() },
        CanonicalRequest { authority: "api.example:8788", ..request() },
        CanonicalRequest { path: "/v1/vaults/6/backups", ..request() },
        CanonicalRequest { query: "after=4&limit=5", ..request() },
        CanonicalRequest { authorization: Some("Bearer other"), ..request() },
    ];
    for request in changed {
        assert_eq!(request.verify(&headers, &key().verifying_key()), Err(Refused::Signature), "{request:?}");
    }
    let other_body = CanonicalRequest { body: br#"{"a":2}"#, ..request() };
    assert_eq!(other_body.verify(&headers, &key().verifying_key()), Err(Refused::Digest));
    let without_session = CanonicalRequest { authorization: None, ..request() };
    assert_eq!(without_session.verify(&headers, &key().verifying_key()), Err(Refused::Profile));
    let other_key = SigningKey::from_bytes(&[8; 32]).verifying_key();
    assert_eq!(request().verify(&headers, &other_key), Err(Refused::Signature));
}

#[test]
fn only_our_profile_is_read() {
    let good = sign(&request());
    let input = &good.signature_input;
    let bad = [
        input.replace("sealkeep=", "sig1="),
        input.replace(" \"content-digest\"", ""),
        input.replace("\"@method\" \"@authority\"", "\"@authority\" \"@method\""),
        input.replace("alg=\"ed25519\"", "alg=\"hmac-sha256\""),
        input.replace("tag=\"sealkeep-v1\"", "tag=\"sealkeep-v2\""),
        input.replace(";created=", "; created="),
        input.replace("created=1790000000", "created=01790000000"),
        input.replace("nonce=\"", "nonce=\"A"),
        format!("{input};expires=1"),
        format!("{input}, other=();created=1"),
        String::new(),
    ];
    for signature_input in bad {
        assert_ne!(&signature_input, input);
        let headers = SignatureHeaders { signature_input, ..good.clone() };
        let refused = request().verify(&headers, &key().verifying_key());
        assert_eq!(refused, Err(Refused::Profile), "{}", headers.signature_input);
    }
    let cut = SignatureHeaders { signature: good.signature.replace("==:", "=:"), ..good.clone() };
    assert!(request().verify(&cut, &key().verifying_key()).is_err());
}

#[test]
fn a_small_order_key_verifies_nothing() {
    // The identity point: non-strict verification accepts a forged signature under it.
    let mut identity = [0; 32];
    identity[0] = 1;
    let weak = VerifyingKey::from_bytes(&identity).unwrap();
    assert!(weak.is_weak());
    let mut forged = [0_u8; 64];
    forged[0] = 1;
    let signature = Base64::encode_string(&forged);
    let headers = SignatureHeaders { signature: format!("sealkeep=:{signature}:"), ..sign(&request()) };
    assert_eq!(request().verify(&headers, &weak), Err(Refused::Signature));
}

/// Frozen: other implementations can be checked against these bytes.
#[test]
fn the_published_vector_holds() {
    let vector: serde_json::Value =
        serde_json::from_str(include_str!("../../testdata/signature.json")).unwrap();
    let signed = sign(&request());
    assert_eq!(vector["headers"]["content-digest"], signed.content_digest);
    assert_eq!(vector["headers"]["signature-input"], signed.signature_input);
    assert_eq!(vector["headers"]["signature"], signed.signature);
}
