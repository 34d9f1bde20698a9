//! A signed-in device that makes its requests by hand: any route, any body, correctly signed.

use api_types::{DeviceId, signature::CanonicalRequest};
use ed25519_dalek::SigningKey;
use serde_json::Value;

use crate::{
    Device, Service,
    failure::{Context, Failure, Result},
    keys::KeyFile,
};

/// Its identity, from a device's key file.
pub struct Member {
    base: String,
    authority: String,
    device: DeviceId,
    key: SigningKey,
    token: String,
    /// Its vault's id.
    pub vault: String,
    /// Its device's id.
    pub device_id: String,
}

/// The service's response.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, or null if there is none.
    pub body: Value,
}

impl Answer {
    /// The stable code of an error.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Member {
    /// Takes over a device's identity, like somebody who sits at it.
    ///
    /// # Errors
    /// It is not signed in.
    pub fn of(device: &Device, service: &Service) -> Result<Self> {
        let keys = KeyFile::of(device)?;
        let key: [u8; 32] = keys
            .bytes(&["device", "signing"])?
            .try_into()
            .map_err(|_| Failure::new("the signing key has another length"))?;
        let status = device.call(["status"]).ok()?;
        let find = |name: &str| {
            find_text(&status, name)
                .ok_or_else(|| Failure::new(format!("`sealkeep status` names no {name}: {status}")))
        };
        let device_id = find("device_id")?;
        Ok(Self {
            base: service.url().to_owned(),
            authority: service.url().trim_start_matches("http://").to_owned(),
            device: device_id.parse().context("the device's id")?,
            key: SigningKey::from_bytes(&key),
            token: String::from_utf8_lossy(keys.bytes(&["session", "access"])?).into_owned(),
            vault: find("vault_id")?,
            device_id,
        })
    }

    /// Sends one signed request; `path` may include a query.
    ///
    /// # Errors
    /// There is no response.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        let bytes = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        let (plain_path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut http = reqwest::Client::new()
            .request(method.parse().context("the method")?, format!("{}{path}", self.base));
        for (name, value) in self.proofs(method, plain_path, query, &bytes, &Session::Own, true) {
            http = http.header(name, value);
        }
        if body.is_some() {
            http = http.header("content-type", "application/json").body(bytes);
        }
        let answer = http.send().await.context(path)?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.context(path)?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }
}

/// The access token of a request.
pub enum Session {
    /// None.
    None,
    /// The member's own.
    Own,
    /// This `Authorization` header.
    Other(String),
}

impl Member {
    /// The headers that authenticate a request: a token, and a signature if `signed`.
    #[must_use]
    pub fn proofs(
        &self,
        method: &str,
        path: &str,
        query: &str,
        body: &[u8],
        session: &Session,
        signed: bool,
    ) -> Vec<(&'static str, String)> {
        let authorization = match session {
            Session::None => None,
            Session::Own => Some(format!("Bearer {}", self.token)),
            Session::Other(text) => Some(text.clone()),
        };
        let mut headers = Vec::new();
        if signed {
            let request = CanonicalRequest {
                method,
                authority: &self.authority,
                path,
                query,
                body,
                authorization: authorization.as_deref(),
            };
            let now =
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
            let signature =
                request.sign(&self.key, self.device, now.try_into().unwrap_or(i64::MAX), rand::random());
            headers.push(("content-digest", signature.content_digest));
            headers.push(("signature-input", signature.signature_input));
            headers.push(("signature", signature.signature));
        }
        headers.extend(authorization.map(|value| ("authorization", value)));
        headers
    }

    /// The device's Ed25519 public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }
}

/// The first text of that name at any depth.
fn find_text(document: &Value, name: &str) -> Option<String> {
    match document {
        Value::Object(fields) => fields
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or_else(|| fields.values().find_map(|v| find_text(v, name))),
        Value::Array(items) => items.iter().find_map(|v| find_text(v, name)),
        _ => None,
    }
}
