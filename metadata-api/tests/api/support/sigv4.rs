//! Signature Version 4 query signing, written from the AWS description alone, so that the libraries of store and
//! presigner are each checked against a third implementation. Takes raw paths, in which URL types would normalize `..`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, macros::format_description};

/// A signer.
#[derive(Clone)]
pub struct Signer {
    pub access_key: String,
    pub secret_key: String,
    pub region: String,
    pub host: String,
}

/// A request to sign.
pub struct Request<'a> {
    pub method: &'a str,
    /// Percent-encoded, with leading slash.
    pub path: &'a str,
    /// Signed headers besides host, lower case.
    pub headers: &'a [(&'a str, &'a str)],
    /// Further query parameters, values unencoded.
    pub query: &'a [(&'a str, &'a str)],
    pub expires: u64,
    pub at: OffsetDateTime,
}

impl Signer {
    /// Path and query to send to `host`.
    pub fn presign(&self, request: &Request<'_>) -> String {
        let stamp = request
            .at
            .format(format_description!("[year][month][day]T[hour][minute][second]Z"))
            .expect("a time");
        let day = &stamp[..8];
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let mut headers: Vec<(&str, &str)> = request.headers.to_vec();
        headers.push(("host", &self.host));
        headers.sort_unstable();
        let names = headers.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(";");
        let expires = request.expires.to_string();
        let credential = format!("{}/{scope}", self.access_key);
        let mut query: Vec<(&str, &str)> = request.query.to_vec();
        query.extend([
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", &stamp),
            ("X-Amz-Expires", &expires),
            ("X-Amz-SignedHeaders", &names),
        ]);
        query.sort_unstable();
        let query = query.iter().map(|(n, v)| format!("{n}={}", encode(v))).collect::<Vec<_>>().join("&");
        let header_lines: String = headers.iter().map(|(n, v)| format!("{n}:{v}\n")).collect();
        let canonical = format!(
            "{}\n{}\n{query}\n{header_lines}\n{names}\nUNSIGNED-PAYLOAD",
            request.method, request.path
        );
        let to_sign =
            format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
        let mut key = hmac(format!("AWS4{}", self.secret_key).as_bytes(), day);
        for part in [self.region.as_str(), "s3", "aws4_request"] {
            key = hmac(&key, part);
        }
        let signature = hex::encode(hmac(&key, &to_sign));
        format!("{}?{query}&X-Amz-Signature={signature}", request.path)
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}
