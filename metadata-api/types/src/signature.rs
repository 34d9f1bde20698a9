//! The device's signature on every request: a fixed profile of HTTP Message Signatures (RFC 9421) with Ed25519 and
//! Content-Digest (RFC 9530). Client and service both build the signed bytes here.

use std::fmt::Write as _;

use base64ct::{Base64 as StdBase64, Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::DeviceId;

/// Maximum difference between the two clocks, seconds.
pub const MAX_SKEW_SECS: i64 = 60;
/// How long a nonce is remembered, seconds: longer than a request that reuses it could be fresh.
pub const NONCE_MEMORY_SECS: i64 = 180;

const LABEL: &str = "sealkeep";
const TAG: &str = "sealkeep-v1";

/// What a signature covers. `authorization` is covered exactly when there is a session.
#[derive(Debug, Clone, Copy)]
pub struct CanonicalRequest<'a> {
    /// In upper case.
    pub method: &'a str,
    /// `host` or `host:port` in lower case, as configured on the client.
    pub authority: &'a str,
    /// Absolute path, percent-encoded as sent.
    pub path: &'a str,
    /// Query without `?`; empty if there is none.
    pub query: &'a str,
    /// The body's bytes; empty if there is none.
    pub body: &'a [u8],
    /// The whole `Authorization` header, if the request has a session.
    pub authorization: Option<&'a str>,
}

/// The parameters in `Signature-Input`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// When it was signed, seconds since 1970.
    pub created: i64,
    /// 16 random bytes, base64url; a device never reuses one.
    pub nonce: String,
    /// The signing device.
    pub device: DeviceId,
}

/// The three headers of a signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// `Content-Digest`.
    pub content_digest: String,
    /// `Signature-Input`.
    pub signature_input: String,
    /// `Signature`.
    pub signature: String,
}

/// Why a signature was refused: for the log only, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// `Signature-Input` deviates from our profile.
    #[error("signature profile differs")]
    Profile,
    /// `Content-Digest` does not match the body.
    #[error("content digest differs")]
    Digest,
    /// The signature does not verify under the key.
    #[error("signature is invalid")]
    Signature,
}

/// `Content-Digest` of a body (RFC 9530).
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", StdBase64::encode_string(&Sha256::digest(body)))
}

impl Parameters {
    /// The value after `sealkeep=` in `Signature-Input`; also the last line of the signature base.
    fn render(&self, with_session: bool) -> String {
        let authorization = if with_session { " \"authorization\"" } else { "" };
        format!(
            "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\"{authorization});created={};nonce=\"{}\";alg=\"ed25519\";keyid=\"{}\";tag=\"{TAG}\"",
            self.created, self.nonce, self.device
        )
    }

    /// Parses `Signature-Input`. Only one label and our parameters in our order are accepted.
    pub fn parse(signature_input: &str, with_session: bool) -> Result<Self, Refused> {
        let parse = || {
            let (_, parameters) = signature_input.split_once(')')?;
            let mut fields = parameters.strip_prefix(';')?.split(';');
            let quoted = |s: &str, name: &str| -> Option<String> {
                Some(s.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"')?.to_owned())
            };
            let created = fields.next()?.strip_prefix("created=")?.parse().ok()?;
            let nonce = quoted(fields.next()?, "nonce")?;
            fields.next(); // alg, compared below
            let device = quoted(fields.next()?, "keyid")?.parse().ok()?;
            Some(Self { created, nonce, device })
        };
        let parsed = parse().ok_or(Refused::Profile)?;
        let mut nonce = [0; 16];
        let nonce_ok = Base64UrlUnpadded::decode(&parsed.nonce, &mut nonce).is_ok_and(|n| n.len() == 16);
        // Comparing a fresh rendering refuses any other spelling, order, label or component.
        if nonce_ok && signature_input == format!("{LABEL}={}", parsed.render(with_session)) {
            Ok(parsed)
        } else {
            Err(Refused::Profile)
        }
    }
}

impl CanonicalRequest<'_> {
    /// RFC 9421 §2.5 signature base.
    fn base(&self, content_digest: &str, parameters: &Parameters) -> String {
        let mut base = format!(
            "\"@method\": {}\n\"@authority\": {}\n\"@path\": {}\n\"@query\": ?{}\n\"content-digest\": {content_digest}\n",
            self.method, self.authority, self.path, self.query
        );
        if let Some(authorization) = self.authorization {
            let _ = writeln!(base, "\"authorization\": {authorization}");
        }
        let _ = write!(base, "\"@signature-params\": {}", parameters.render(self.authorization.is_some()));
        base
    }

    /// Signs with the device's key. `nonce` is 16 fresh random bytes.
    #[must_use]
    pub fn sign(
        &self,
        key: &SigningKey,
        device: DeviceId,
        created: i64,
        nonce: [u8; 16],
    ) -> SignatureHeaders {
        let parameters = Parameters { created, nonce: Base64UrlUnpadded::encode_string(&nonce), device };
        let content_digest = content_digest(self.body);
        let signature = key.sign(self.base(&content_digest, &parameters).as_bytes());
        SignatureHeaders {
            signature_input: format!("{LABEL}={}", parameters.render(self.authorization.is_some())),
            signature: format!("{LABEL}=:{}:", StdBase64::encode_string(&signature.to_bytes())),
            content_digest,
        }
    }

    /// Verifies strictly: no small-order keys, no malleable signatures. Freshness and replay are left to the caller.
    pub fn verify(&self, headers: &SignatureHeaders, key: &VerifyingKey) -> Result<Parameters, Refused> {
        let parameters = Parameters::parse(&headers.signature_input, self.authorization.is_some())?;
        if headers.content_digest != content_digest(self.body) {
            return Err(Refused::Digest);
        }
        let mut signature = [0; 64];
        let encoded = headers
            .signature
            .strip_prefix(LABEL)
            .and_then(|s| s.strip_prefix("=:"))
            .and_then(|s| s.strip_suffix(':'))
            .ok_or(Refused::Profile)?;
        let decoded = StdBase64::decode(encoded, &mut signature).map_err(|_| Refused::Signature)?;
        if decoded.len() != 64 {
            return Err(Refused::Signature);
        }
        let base = self.base(&headers.content_digest, &parameters);
        key.verify_strict(base.as_bytes(), &Signature::from_bytes(&signature))
            .map_err(|_| Refused::Signature)?;
        Ok(parameters)
    }
}
