//! A proxy that signs requests. A request without the placeholder in a header is forwarded without that proof, so that
//! the fuzzer's unauthenticated requests stay unauthenticated.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::Response,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use e2e::{
    Result,
    failure::Context,
    member::{Member, Session},
};
use serde_json::Value;
use tokio::net::TcpListener;

/// Placeholder for a proof.
pub(crate) const PLACEHOLDER: &str = "signed-by-the-proxy";
/// Number of source addresses: the limits per network are not under test here.
const NETWORKS: u8 = 200;
/// Maximum body, bytes; the service's own limit is smaller.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// Paths signed before there is a session.
const BEFORE_SIGN_IN: [&str; 4] = ["/v1/sign-up/", "/v1/sign-in/", "/v1/account/", "/v1/token/"];

/// A running proxy.
pub(crate) struct Signer {
    url: String,
}

struct Inner {
    service: String,
    member: Member,
    spare: Member,
    clients: Vec<reqwest::Client>,
    next: AtomicUsize,
}

impl Signer {
    /// Signs as `member`, and requests that end a session as `spare`.
    pub(crate) async fn start(service: &str, member: Member, spare: Member) -> Result<Self> {
        let clients = (1..=NETWORKS)
            .map(|n| {
                let from = IpAddr::V4(Ipv4Addr::new(127, 0, 1, n));
                reqwest::Client::builder().local_address(from).no_proxy().build()
            })
            .collect::<std::result::Result<_, _>>()
            .context("the proxy's clients")?;
        let inner = Inner { service: service.to_owned(), member, spare, clients, next: AtomicUsize::new(0) };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let app = Router::new().fallback(pass).with_state(Arc::new(inner));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { url })
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

async fn pass(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    inner.forward(request).await.unwrap_or_else(|error| {
        let mut response = Response::new(Body::from(error.to_string()));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    })
}

impl Inner {
    async fn forward(&self, request: Request) -> Result<Response> {
        let (parts, body) = request.into_parts();
        let mut body = to_bytes(body, MAX_BODY).await.context("a request's body")?.to_vec();
        let path = parts.uri.path();
        let query = parts.uri.query().unwrap_or_default();
        let before_sign_in = BEFORE_SIGN_IN.iter().any(|prefix| path.starts_with(prefix));
        let member = if path == "/v1/sign-out" { &self.spare } else { &self.member };
        body = with_plain_integers(body);
        if before_sign_in {
            body = with_keys_of(member, body);
        }
        let session = match parts.headers.get(header::AUTHORIZATION).map(|v| v.as_bytes()) {
            _ if before_sign_in => Session::None,
            Some(value) if value == format!("Bearer {PLACEHOLDER}").as_bytes() => Session::Own,
            Some(value) => Session::Other(String::from_utf8_lossy(value).into_owned()),
            None => Session::None,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &parts.headers {
            if ![header::HOST, header::CONTENT_LENGTH, header::AUTHORIZATION, header::CONNECTION]
                .contains(name)
                && name != "signature"
            {
                headers.append(name.clone(), value.clone());
            }
        }
        let signed = parts.headers.get("signature").is_some_and(|v| v.as_bytes() == PLACEHOLDER.as_bytes());
        for (name, value) in member.proofs(parts.method.as_str(), path, query, &body, &session, signed) {
            headers.insert(HeaderName::from_static(name), value.parse().context(name)?);
        }
        let client = self.clients.get(self.next.fetch_add(1, Ordering::Relaxed) % self.clients.len().max(1));
        let Some(client) = client else { return Ok(Response::new(Body::empty())) };
        let url = format!("{}{}", self.service, parts.uri);
        let answer =
            client.request(parts.method, url).headers(headers).body(body).send().await.context(path)?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = answer.status();
        for (name, value) in answer.headers() {
            if name != header::TRANSFER_ENCODING && name != header::CONNECTION {
                response.headers_mut().append(name.clone(), value.clone());
            }
        }
        *response.body_mut() = Body::from(answer.bytes().await.context(path)?);
        Ok(response)
    }
}

/// JSON Schema treats `1.0` as an integer; the service's document requires integers without a fraction, which no schema
/// can express.
fn with_plain_integers(body: Vec<u8>) -> Vec<u8> {
    fn plain(value: &mut Value) -> bool {
        match value {
            Value::Number(number) => match number.as_f64() {
                // Up to 2^53, the largest integer that every JSON implementation represents exactly.
                Some(float)
                    if number.is_f64() && float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0 =>
                {
                    let whole = format!("{float:.0}").parse::<i64>();
                    *value = whole.map_or(Value::Null, Value::from);
                    true
                }
                _ => false,
            },
            Value::Array(items) => items.iter_mut().fold(false, |changed, item| plain(item) | changed),
            Value::Object(fields) => fields.values_mut().fold(false, |changed, item| plain(item) | changed),
            _ => false,
        }
    }
    let Ok(mut document) = serde_json::from_slice::<Value>(&body) else { return body };
    if plain(&mut document) { serde_json::to_vec(&document).unwrap_or(body) } else { body }
}

/// Sign-up and sign-in are signed with the key named in their first request: a well-formed device from the fuzzer gets
/// the keys of a real one.
fn with_keys_of(member: &Member, body: Vec<u8>) -> Vec<u8> {
    let Ok(mut document) = serde_json::from_slice::<Value>(&body) else { return body };
    let Some(device) = document.get_mut("device").and_then(Value::as_object_mut) else { return body };
    let is_key = |value: Option<&Value>| {
        let bytes = value.and_then(Value::as_str).and_then(|text| Base64UrlUnpadded::decode_vec(text).ok());
        bytes.is_some_and(|bytes| bytes.len() == 32)
    };
    let is_id =
        device.get("device_id").and_then(Value::as_str).is_some_and(|id| id.parse::<uuid::Uuid>().is_ok());
    if !(is_id && is_key(device.get("signing_key")) && is_key(device.get("sealing_key"))) {
        return body;
    }
    let key = Base64UrlUnpadded::encode_string(&member.public_key());
    device.insert("device_id".to_owned(), Value::from(member.device_id.clone()));
    device.insert("signing_key".to_owned(), Value::from(key));
    serde_json::to_vec(&document).unwrap_or(body)
}
