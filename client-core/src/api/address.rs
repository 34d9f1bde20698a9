//! Checks the address of a service: secrets are sent over TLS or stay on this machine.

use url::Url;

use super::ApiError;
use crate::{net::is_loopback, text};

/// Parses the address of a service as the user wrote it.
///
/// # Errors
/// [`ApiError::Address`].
pub(super) fn address(server: &str) -> Result<Url, ApiError> {
    let guess = format!("https://{}", server.trim());
    if !server.contains("://") && Url::parse(&guess).is_ok() {
        return Err(ApiError::Address(text!(
            "`{server}` is not the address of a service; did you mean `{guess}`",
            server,
            guess
        )));
    }
    let url = Url::parse(server.trim()).map_err(|e| {
        let detail = e.to_string();
        ApiError::Address(text!("`{server}` is not the address of a service: {detail}", server, detail))
    })?;
    let bare = matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !bare || url.host().is_none() {
        return Err(ApiError::Address(text!(
            "the address of a service is a scheme, a host and perhaps a port, not `{server}`",
            server
        )));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(url.host().as_ref()) => Ok(url),
        "http" => Err(ApiError::Address(text!(
            "`{server}` is not encrypted; plain http is only for this machine itself, use https",
            server
        ))),
        scheme => Err(ApiError::Address(text!("`{scheme}` is not a supported scheme; use https", scheme))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_missing_scheme_is_suggested() {
        for bare in ["backup.example.com", "backup.example.com:8787"] {
            let error = address(bare).unwrap_err().to_string();
            assert!(error.contains(&format!("did you mean `https://{bare}`")), "{error}");
        }
        assert!(!address("not a url").unwrap_err().to_string().contains("did you mean"));
    }

    #[test]
    fn secrets_go_over_tls_or_stay_on_this_machine() {
        for good in
            ["https://api.example.com", "http://127.0.0.1:8787/", "http://[::1]:1", "http://localhost"]
        {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.example.com",
            "http://10.0.0.1:8787",
            "ftp://127.0.0.1",
            "https://u:p@api.example.com",
            "https://api.example.com/v1",
            "https://api.example.com/?x=1",
            "api.example.com",
            "",
        ] {
            assert!(matches!(address(bad), Err(ApiError::Address(_))), "{bad}");
        }
    }

    #[test]
    fn the_authority_is_what_a_host_header_says() {
        let authority = |text| address(text).map(|url| url.authority().to_owned()).ok();
        assert_eq!(authority("https://API.example.com:443/").as_deref(), Some("api.example.com"));
        assert_eq!(authority("http://127.0.0.1:8787").as_deref(), Some("127.0.0.1:8787"));
    }
}
