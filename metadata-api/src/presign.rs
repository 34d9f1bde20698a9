//! Presigned URLs: time-limited permission to upload or download exactly one object.
//!
//! An upload URL signs what all tested stores support: host, length, SHA-256 and If-None-Match. If a store ignores
//! If-None-Match, a replay can still only write the same bytes.

use std::{collections::BTreeMap, time::Duration};

use api_types::{ObjectId, ObjectKey};
use base64ct::{Base64, Encoding};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Address and credentials of one region's bucket.
pub struct Target {
    /// Scheme, host and port.
    pub endpoint: Url,
    /// The bucket's name; URLs use path style.
    pub bucket: String,
    /// The region name in the store's signatures.
    pub s3_region: String,
    /// Access key id.
    pub access_key: String,
    /// Its secret.
    pub secret_key: SecretString,
}

/// An endpoint or bucket name that no URL can be built from.
#[derive(Debug, thiserror::Error)]
#[error("{endpoint} with bucket {bucket:?} is no S3 endpoint: {reason}")]
pub struct Unusable {
    endpoint: String,
    bucket: String,
    reason: String,
}

impl Unusable {
    pub(crate) fn new(target: &Target, reason: String) -> Self {
        Self { endpoint: target.endpoint.to_string(), bucket: target.bucket.clone(), reason }
    }
}

/// A presigned upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The URL to PUT to.
    pub url: Url,
    /// Headers to send, besides Host.
    pub headers: BTreeMap<String, String>,
}

/// Signs for one bucket. From a request it uses only the object's key and size.
pub struct Presigner {
    bucket: Bucket,
    // Its own Debug hides the secret, and this type has none.
    credentials: Credentials,
}

impl Presigner {
    /// Validates the endpoint.
    pub fn new(target: &Target) -> Result<Self, Unusable> {
        let unusable = |reason: String| Unusable::new(target, reason);
        let plain = target.endpoint.username().is_empty()
            && target.endpoint.password().is_none()
            && target.endpoint.path() == "/"
            && target.endpoint.query().is_none()
            && target.endpoint.fragment().is_none();
        if !plain || target.endpoint.host_str().is_none() {
            return Err(unusable("give scheme, host and port only".into()));
        }
        let name_ok = (3..=63).contains(&target.bucket.len())
            && target
                .bucket
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        if !name_ok {
            return Err(unusable("bucket names are 3 to 63 of a-z, 0-9, - and .".into()));
        }
        let bucket = Bucket::new(
            target.endpoint.clone(),
            UrlStyle::Path,
            target.bucket.clone(),
            target.s3_region.clone(),
        )
        .map_err(|e| unusable(e.to_string()))?;
        let credentials = Credentials::new(target.access_key.clone(), target.secret_key.expose_secret());
        Ok(Self { bucket, credentials })
    }

    /// Scheme, host and port of every URL issued here; clients pin it.
    #[must_use]
    pub fn origin(&self) -> String {
        self.bucket.base_url().origin().ascii_serialization()
    }

    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        self.bucket.name()
    }

    /// A grant to upload exactly these bytes.
    #[must_use]
    pub fn put(&self, key: &ObjectKey, size: u64, valid: Duration) -> Put {
        self.put_raw(&key.to_string(), size, &key.id, valid)
    }

    /// Like [`Presigner::put`], for any key; used by the probe.
    pub(crate) fn put_raw(&self, key: &str, size: u64, id: &ObjectId, valid: Duration) -> Put {
        let headers: BTreeMap<String, String> = [
            ("content-length", size.to_string()),
            ("if-none-match", "*".to_owned()),
            ("x-amz-checksum-sha256", Base64::encode_string(id.as_bytes())),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let mut action = self.bucket.put_object(Some(&self.credentials), key);
        for (name, value) in &headers {
            action.headers_mut().insert(name.clone(), value.clone());
        }
        Put { url: action.sign(valid), headers }
    }

    /// Permission to download one object.
    #[must_use]
    pub fn get(&self, key: &ObjectKey, valid: Duration) -> Url {
        self.get_raw(&key.to_string(), valid)
    }

    pub(crate) fn get_raw(&self, key: &str, valid: Duration) -> Url {
        self.bucket.get_object(Some(&self.credentials), key).sign(valid)
    }

    /// A HEAD request that asks for the checksum, and the header it signs.
    pub(crate) fn head_raw(&self, key: &str, valid: Duration) -> (Url, (&'static str, &'static str)) {
        const MODE: (&str, &str) = ("x-amz-checksum-mode", "ENABLED");
        let mut action = self.bucket.head_object(Some(&self.credentials), key);
        action.headers_mut().insert(MODE.0, MODE.1);
        (action.sign(valid), MODE)
    }

    /// For the probe's own objects; handlers never delete.
    pub(crate) fn delete_raw(&self, key: &str, valid: Duration) -> Url {
        self.bucket.delete_object(Some(&self.credentials), key).sign(valid)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use api_types::{ObjectKind, VaultId};

    fn target(endpoint: &str, bucket: &str) -> Target {
        Target {
            endpoint: endpoint.parse().unwrap(),
            bucket: bucket.into(),
            s3_region: "us-east-1".into(),
            access_key: "AK".into(),
            secret_key: "SK".to_owned().into(),
        }
    }

    #[test]
    fn an_upload_url_signs_length_checksum_and_if_none_match() {
        let presigner = Presigner::new(&target("https://s3.example:9000", "bucket-eu")).unwrap();
        let key = ObjectKey {
            vault: VaultId::from_bytes([1; 16]),
            kind: ObjectKind::Pack,
            id: ObjectId::new([2; 32]),
        };
        let put = presigner.put(&key, 1234, Duration::from_secs(900));
        let query: BTreeMap<_, _> = put.url.query_pairs().into_owned().collect();
        assert_eq!(query["X-Amz-SignedHeaders"], "content-length;host;if-none-match;x-amz-checksum-sha256");
        assert_eq!(query["X-Amz-Expires"], "900");
        assert_eq!(put.url.path(), format!("/bucket-eu/{key}"));
        assert_eq!(put.headers["content-length"], "1234");
        assert_eq!(put.headers["x-amz-checksum-sha256"], Base64::encode_string(&[2; 32]));
        assert_eq!(presigner.origin(), "https://s3.example:9000");
    }

    #[test]
    fn an_endpoint_is_an_origin_and_nothing_else() {
        for bad in ["https://u:p@s3.example", "https://s3.example/path", "https://s3.example/?a=b"] {
            assert!(Presigner::new(&target(bad, "bucket")).is_err(), "{bad}");
        }
        for bad in ["b", "UPPER", "a/b", "../x", "a b"] {
            assert!(Presigner::new(&target("https://s3.example", bad)).is_err(), "{bad}");
        }
    }
}
