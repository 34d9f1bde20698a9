//! Checks that a presigned URL leads to this vault's pinned storage and exactly to the intended object.

use api_types::ObjectKey;
use url::{Host, Url};

use super::{Reach, StoreError};
use crate::{net::is_loopback, text, text::Text};

/// The pinned storage of one vault.
#[derive(Debug, Clone)]
pub(super) struct Address {
    origin: Url,
    bucket: String,
}

impl Address {
    /// https, or http on this machine if the service is reached there, too.
    pub(super) fn new(text: &str, bucket: &str, reach: &Reach) -> Result<Self, StoreError> {
        let foreign = |why: Text| StoreError::Foreign(text!("the storage address `{text}` {why}", text, why));
        let origin = Url::parse(text).map_err(|_| foreign(text!("is no address")))?;
        let bare = matches!(origin.path(), "" | "/")
            && origin.query().is_none()
            && origin.fragment().is_none()
            && origin.username().is_empty()
            && origin.password().is_none();
        if !bare || origin.host().is_none() || origin.port() == Some(0) {
            return Err(foreign(text!("is more than a scheme, a host and a port")));
        }
        let address = Self { origin, bucket: bucket.to_owned() };
        match address.origin.scheme() {
            "https" => Ok(address),
            "http" if is_loopback(address.origin.host().as_ref()) && reach.is_this_machine() => Ok(address),
            _ => Err(foreign(text!("is not https"))),
        }
    }

    pub(super) const fn url(&self) -> &Url {
        &self.origin
    }

    pub(super) fn host(&self) -> Option<Host> {
        self.origin.host().map(|host| host.to_owned())
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        self.origin.as_str().trim_end_matches('/').to_owned()
    }

    /// Returns the URL if it leads to `key` in the pinned bucket and nowhere else.
    pub(super) fn check(&self, url: &str, key: &ObjectKey) -> Result<Url, StoreError> {
        // The URL is itself a credential, so it is not repeated in the message.
        let foreign = |why: Text| StoreError::Foreign(text!("the service gave a URL {why}", why));
        let url = Url::parse(url).map_err(|_| foreign(text!("that is invalid")))?;
        let same_place = url.scheme() == self.origin.scheme()
            && url.host() == self.origin.host()
            && url.port_or_known_default() == self.origin.port_or_known_default();
        if !same_place {
            let host = url.host_str().unwrap_or("nowhere");
            return Err(foreign(text!(
                "to {place}, but this vault's storage is {origin}",
                place = format!("{}://{host}", url.scheme()),
                origin = self.origin()
            )));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(foreign(text!("with more than a path and a query")));
        }
        let path = url.path();
        if path != format!("/{}/{key}", self.bucket) && path != format!("/{key}") {
            return Err(foreign(text!("to another object than {key}", key = key.to_string())));
        }
        Ok(url)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use api_types::{ObjectId, ObjectKind, VaultId};

    use super::*;

    const BUCKET: &str = "sealkeep-eu";

    fn here() -> Reach {
        Reach::of_service("http://127.0.0.1:8787")
    }

    #[test]
    fn n69_plain_http_is_for_a_service_on_this_machine() {
        let far = Reach::of_service("https://sealkeep.example.com");
        for origin in [
            "http://127.0.0.1:6379",
            "http://localhost:9000",
            "http://[::1]:1",
            "http://127.1",
            "http://0x7f.1",
        ] {
            assert!(matches!(Address::new(origin, BUCKET, &far), Err(StoreError::Foreign(_))), "{origin}");
            Address::new(origin, BUCKET, &here()).unwrap();
        }
        for origin in
            ["https://s3.example.com:0", "http://localhost.:9000", "http://10.0.0.5", "ftp://s3.example.com"]
        {
            assert!(matches!(Address::new(origin, BUCKET, &here()), Err(StoreError::Foreign(_))), "{origin}");
        }
    }

    #[test]
    fn only_https_or_this_machine() {
        for good in [
            "https://s3.example.com",
            "https://s3.example.com:9000/",
            "http://127.0.0.1:8788",
            "http://[::1]:1",
        ] {
            Address::new(good, BUCKET, &here()).unwrap();
        }
        for bad in [
            "http://s3.example.com",
            "http://169.254.169.254",
            "file:///etc",
            "https://a@s3.example.com",
            "x",
        ] {
            assert!(matches!(Address::new(bad, BUCKET, &here()), Err(StoreError::Foreign(_))), "{bad}");
        }
    }

    #[test]
    fn only_the_pinned_place_and_the_object_meant() {
        let address = Address::new("https://s3.example.com", BUCKET, &here()).unwrap();
        let key = ObjectKey {
            vault: VaultId::from_bytes([1; 16]),
            kind: ObjectKind::Pack,
            id: ObjectId::new([2; 32]),
        };
        let other = ObjectKey { vault: VaultId::from_bytes([3; 16]), ..key };
        address.check(&format!("https://s3.example.com/sealkeep-eu/{key}?X-Amz-Signature=1"), &key).unwrap();
        address.check(&format!("https://s3.example.com:443/{key}?x"), &key).unwrap();
        for bad in [
            format!("http://s3.example.com/sealkeep-eu/{key}"),
            format!("https://s3.example.com:444/sealkeep-eu/{key}"),
            format!("https://s3.example.com.evil.org/sealkeep-eu/{key}"),
            format!("https://s3.example.com@evil.org/sealkeep-eu/{key}"),
            format!("https://u:p@s3.example.com/sealkeep-eu/{key}"),
            format!("https://s3.example.com/other-bucket/{key}"),
            format!("https://s3.example.com/sealkeep-eu/../x/{key}"),
            format!("https://s3.example.com/sealkeep-eu/{other}"),
            format!("https://s3.example.com/sealkeep-eu/{key}/x"),
            format!("https://s3.example.com/sealkeep-eu/x?{key}"),
            format!("https://s3.example.com/sealkeep-eu/x#/{key}"),
            String::new(),
        ] {
            assert!(matches!(address.check(&bad, &key), Err(StoreError::Foreign(_))), "{bad}");
        }
    }
}
