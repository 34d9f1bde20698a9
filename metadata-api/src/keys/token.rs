//! Access tokens: EdDSA JWTs, valid for one hour and only with the device's key (RFC 7800).

use api_types::{AccountId, DeviceId, Region, SessionId};
use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    config::{Secrets, UnusableSecret},
    error::ApiError,
};

/// Lifetime of a token, seconds.
pub const ACCESS_SECS: i64 = 3600;
/// Tolerance between two servers' clocks, seconds.
const LEEWAY_SECS: i64 = 5;
const ISSUER: &str = "sealkeep";
const TYPE: &str = "at+jwt";
/// PKCS #8 v1 around an Ed25519 seed (RFC 8410).
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// RFC 7800 confirmation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Confirmation {
    /// RFC 7638 thumbprint of the device's signing key.
    pub jkt: String,
}

/// The claims of a token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Always our issuer.
    pub iss: String,
    /// `sealkeep-api-<region>`.
    pub aud: String,
    /// The account.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    /// The device.
    pub device: Uuid,
    /// The account's region.
    pub region: Region,
    /// Authentication methods: `pwd` and `otp` or `recovery`.
    pub amr: Vec<String>,
    /// Seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970.
    pub exp: i64,
    /// Unique.
    pub jti: Uuid,
    /// The device key that must sign.
    pub cnf: Confirmation,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not issued here, for another region, or altered.
    #[error("not a token of ours")]
    Invalid,
    /// Older than its hour.
    #[error("expired")]
    Expired,
}

/// Signs and verifies.
pub(crate) struct TokenKeys {
    signing: EncodingKey,
    verifying: DecodingKey,
    kid: String,
}

/// Who a token is for.
pub(crate) struct Subject<'a> {
    pub(crate) account: AccountId,
    pub(crate) session: SessionId,
    pub(crate) device: DeviceId,
    pub(crate) region: Region,
    pub(crate) signing_key: &'a [u8; 32],
    pub(crate) amr: &'a str,
}

fn audience(region: Region) -> String {
    format!("sealkeep-api-{region}")
}

/// RFC 7638 thumbprint of an Ed25519 key (RFC 8037 members, lexicographic order).
#[must_use]
pub fn thumbprint(key: &[u8; 32]) -> String {
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, Base64UrlUnpadded::encode_string(key));
    Base64UrlUnpadded::encode_string(&Sha256::digest(jwk.as_bytes()))
}

impl TokenKeys {
    pub(crate) fn new(secrets: &Secrets) -> Result<Self, UnusableSecret> {
        let seed = secrets.token_key.expose_secret();
        let public = SigningKey::from_bytes(seed).verifying_key();
        if public.is_weak() {
            return Err(UnusableSecret("token key"));
        }
        let der = Zeroizing::new([PKCS8_PREFIX.as_slice(), seed].concat());
        Ok(Self {
            signing: EncodingKey::from_ed_der(&der),
            verifying: DecodingKey::from_ed_der(public.as_bytes()),
            kid: thumbprint(public.as_bytes()),
        })
    }

    pub(crate) fn issue(&self, subject: &Subject<'_>, now: i64) -> Result<(String, i64), ApiError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.into());
        header.kid = Some(self.kid.clone());
        let exp = now + ACCESS_SECS;
        let claims = Claims {
            iss: ISSUER.into(),
            aud: audience(subject.region),
            sub: subject.account.0,
            sid: subject.session.0,
            device: subject.device.0,
            region: subject.region,
            amr: subject.amr.split('+').map(str::to_owned).collect(),
            iat: now,
            exp,
            jti: Uuid::new_v4(),
            cnf: Confirmation { jkt: thumbprint(subject.signing_key) },
        };
        let token = jsonwebtoken::encode(&header, &claims, &self.signing).map_err(ApiError::internal)?;
        Ok((token, exp))
    }

    /// `regions` are those served here: tokens for other regions' deployments are refused.
    pub(crate) fn verify(
        &self,
        token: &str,
        regions: impl Iterator<Item = Region>,
        now: i64,
    ) -> Result<Claims, Refused> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refused::Invalid)?;
        if header.typ.as_deref() != Some(TYPE) || header.kid.as_deref() != Some(&self.kid) {
            return Err(Refused::Invalid);
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&regions.map(audience).collect::<Vec<_>>());
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // We check expiry with our own clock, which tests can shift.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verifying, &validation)
            .map_err(|_| Refused::Invalid)?
            .claims;
        if claims.aud != audience(claims.region) || claims.iat > now + LEEWAY_SECS {
            return Err(Refused::Invalid);
        }
        if claims.exp + LEEWAY_SECS <= now {
            return Err(Refused::Expired);
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        // RFC 8037 appendix A.2 and A.3
        let mut key = [0; 32];
        let x = Base64UrlUnpadded::decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", &mut key);
        assert!(x.is_ok());
        assert_eq!(thumbprint(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
