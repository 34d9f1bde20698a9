//! Refuses strangers' requests unread, before the S3 library sees them. The library buffers some bodies before it
//! checks who sent them (a form upload, up to 5 GB), so nothing unsigned may reach it.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Why a request is refused: a metric label, and S3's code, status and sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refusal {
    reason: &'static str,
    status: StatusCode,
    code: &'static str,
    sentence: &'static str,
}

const METHOD: Refusal = Refusal {
    reason: "method",
    status: StatusCode::METHOD_NOT_ALLOWED,
    code: "MethodNotAllowed",
    sentence: "GET, HEAD, PUT and DELETE only",
};
const UNSIGNED: Refusal = Refusal {
    reason: "unsigned",
    status: StatusCode::FORBIDDEN,
    code: "AccessDenied",
    sentence: "Sign the request",
};
const NO_LENGTH: Refusal = Refusal {
    reason: "length",
    status: StatusCode::BAD_REQUEST,
    code: "MissingContentLength",
    sentence: "Send Content-Length",
};
const TOO_LONG: Refusal = Refusal {
    reason: "too_long",
    status: StatusCode::BAD_REQUEST,
    code: "EntityTooLarge",
    sentence: "The object is larger than this store takes",
};
const BODY: Refusal = Refusal {
    reason: "body",
    status: StatusCode::BAD_REQUEST,
    code: "InvalidRequest",
    sentence: "Only an upload has a body",
};

/// Decides by the headers alone.
fn admit(method: &Method, query: &str, headers: &HeaderMap, max: u64) -> Result<(), Refusal> {
    if ![Method::GET, Method::HEAD, Method::PUT, Method::DELETE].contains(method) {
        return Err(METHOD);
    }
    let by_query = query.split('&').any(|pair| pair.starts_with("X-Amz-Signature="));
    let by_header =
        headers.get(AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256"));
    if !by_query && !by_header {
        return Err(UNSIGNED);
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = match (lengths.next(), lengths.next()) {
        (None, _) => None,
        (Some(text), None) => {
            Some(text.to_str().ok().and_then(|text| text.parse::<u64>().ok()).ok_or(NO_LENGTH)?)
        }
        (Some(_), Some(_)) => return Err(NO_LENGTH),
    };
    let chunked = headers.contains_key(TRANSFER_ENCODING);
    if method == Method::PUT {
        match length {
            Some(length) if length > max => Err(TOO_LONG),
            Some(_) if !chunked => Ok(()),
            _ => Err(NO_LENGTH),
        }
    } else if chunked || length.is_some_and(|length| length > 0) {
        Err(BODY)
    } else {
        Ok(())
    }
}

/// Passes on signed requests with a known method and an acceptable length; refuses all others without reading them.
pub(super) async fn refuse_unsigned(State(max): State<u64>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    match admit(request.method(), query, request.headers(), max) {
        Ok(()) if request.method() == Method::PUT => next.run(request).await,
        Ok(()) => {
            let (parts, _) = request.into_parts();
            next.run(Request::from_parts(parts, Body::empty())).await
        }
        Err(refusal) => {
            metrics::counter!("store_refused_total", "reason" => refusal.reason).increment(1);
            refusal.into_response()
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{}</Code><Message>{}</Message></Error>",
            self.code, self.sentence
        );
        let mut response = (self.status, body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        // The announced body stays unread, so the connection cannot be reused.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: &str, query: &str, headers: &[(&'static str, &'static str)]) -> Option<&'static str> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
        admit(&method, query, &map, 100).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn headers_alone_decide_admission() {
        let signed = "X-Amz-Date=1&X-Amz-Signature=00";
        let header = ("authorization", "AWS4-HMAC-SHA256 Credential=x");
        assert_eq!(refused("GET", signed, &[]), None);
        assert_eq!(refused("GET", "", &[header]), None);
        assert_eq!(refused("GET", signed, &[("content-length", "0")]), None);
        assert_eq!(refused("PUT", signed, &[("content-length", "100")]), None);
        for method in ["POST", "OPTIONS", "PATCH", "TRACE", "CONNECT", "BREW"] {
            assert_eq!(refused(method, signed, &[]), Some("method"), "{method}");
        }
        for query in ["", "x=1", "Y=X-Amz-Signature=1", "x-amz-signature=1"] {
            assert_eq!(refused("PUT", query, &[("content-length", "1")]), Some("unsigned"), "{query}");
        }
        assert_eq!(refused("GET", "", &[("authorization", "Basic x")]), Some("unsigned"));
        assert_eq!(refused("PUT", signed, &[]), Some("length"));
        assert_eq!(refused("PUT", signed, &[("content-length", "x")]), Some("length"));
        let twice = [("content-length", "1"), ("content-length", "2")];
        assert_eq!(refused("PUT", signed, &twice), Some("length"));
        let both = [("content-length", "1"), ("transfer-encoding", "chunked")];
        assert_eq!(refused("PUT", signed, &both), Some("length"));
        assert_eq!(refused("PUT", signed, &[("content-length", "101")]), Some("too_long"));
        for method in ["GET", "HEAD", "DELETE"] {
            assert_eq!(refused(method, signed, &[("content-length", "1")]), Some("body"));
            assert_eq!(refused(method, signed, &[("transfer-encoding", "chunked")]), Some("body"));
        }
    }
}
