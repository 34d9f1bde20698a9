//! Lies: to whom, on which route, and the false response.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use api_types::{DeviceId, ErrorCode, Problem};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

/// A method and a path with `{names}`, as in the service's router; `*` matches any path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// `GET`, `POST`, `PUT`.
    pub method: &'static str,
    /// `/v1/vaults/{vault}/…`
    pub path: &'static str,
}

/// A GET route.
#[must_use]
pub const fn get(path: &'static str) -> Route {
    Route { method: "GET", path }
}

/// A POST route.
#[must_use]
pub const fn post(path: &'static str) -> Route {
    Route { method: "POST", path }
}

/// A PUT route.
#[must_use]
pub const fn put(path: &'static str) -> Route {
    Route { method: "PUT", path }
}

impl Route {
    /// Whether a request belongs to this route.
    #[must_use]
    pub fn fits(&self, method: &str, path: &str) -> bool {
        let same = |(a, b): (&str, &str)| a == b || (a.starts_with('{') && !b.is_empty());
        self.method == method
            && (self.path == "*"
                || (self.path.split('/').count() == path.split('/').count()
                    && self.path.split('/').zip(path.split('/')).all(same)))
    }
}

/// A request as received.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The requesting device; `None` if nobody signed, as at the store.
    pub device: Option<DeviceId>,
    /// HTTP method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Query without `?`.
    pub query: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Seen {
    /// The body as JSON of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether a presigned URL was used: the service's own requests have an `Authorization` header instead.
    #[must_use]
    pub fn presigned(&self) -> bool {
        self.query.contains("X-Amz-Signature=")
    }
}

/// A response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, without the body's length.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// Time per byte of the body.
    pub drip: Option<Duration>,
}

impl Answer {
    /// An empty success.
    #[must_use]
    pub fn nothing() -> Self {
        Self { status: 204, headers: HeaderMap::new(), body: Bytes::new(), drip: None }
    }

    /// A body of bytes.
    #[must_use]
    pub fn bytes(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, body: body.into(), ..Self::nothing() }
    }

    /// A JSON document.
    #[must_use]
    pub fn json<T: Serialize>(value: &T) -> Self {
        Self::bytes(200, serde_json::to_vec(value).unwrap_or_default()).typed("application/json")
    }

    /// An error with a stable code.
    #[must_use]
    pub fn problem(code: ErrorCode, change: impl FnOnce(&mut Problem)) -> Self {
        let mut problem = Problem {
            kind: "about:blank".into(),
            title: "something is wrong".into(),
            status: code.status(),
            code,
            request_id: "00000000-0000-4000-8000-000000000000".into(),
            retry_after: None,
            server_time: None,
            puzzle: None,
            used: None,
            quota: None,
            objects: Vec::new(),
        };
        change(&mut problem);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        Self::bytes(problem.status, body).typed("application/problem+json")
    }

    fn typed(mut self, kind: &'static str) -> Self {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        self
    }

    pub(super) fn respond(self, head: bool) -> Response {
        let body = match (head, self.drip) {
            (true, _) => Body::empty(),
            (false, None) => Body::from(self.body),
            (false, Some(pause)) => {
                let (mut into, from) = tokio::io::duplex(1);
                tokio::spawn(async move {
                    for byte in self.body {
                        tokio::time::sleep(pause).await;
                        if into.write_all(&[byte]).await.is_err() {
                            return;
                        }
                    }
                });
                Body::from_stream(ReaderStream::new(from))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        *response.headers_mut() = self.headers;
        response
    }
}

/// What happens to a request.
pub enum Verdict {
    /// Forward it to the service; the response may still be changed.
    Pass,
    /// Respond without asking the service.
    Say(Answer),
}

/// A lie, told from [`super::Liar::tell`] until its guard is dropped.
pub trait Lie: Send + Sync {
    /// Whether this request gets the lie.
    fn concerns(&self, seen: &Seen) -> bool;

    /// Called before the service sees the request.
    fn request(&self, _seen: &Seen) -> Verdict {
        Verdict::Pass
    }

    /// Called after the service has responded.
    fn answer(&self, _seen: &Seen, answer: Answer) -> Answer {
        answer
    }
}

type Instead = Box<dyn Fn(&Seen) -> Verdict + Send + Sync>;
type Change = Box<dyn Fn(&Seen, Answer) -> Answer + Send + Sync>;

/// A lie on some routes, to one device or to all.
pub struct On {
    routes: Vec<Route>,
    to: Option<DeviceId>,
    instead: Option<Instead>,
    change: Option<Change>,
    told: AtomicU64,
}

impl On {
    /// On several routes, to all devices.
    #[must_use]
    pub fn routes(routes: &[Route]) -> Self {
        Self { routes: routes.to_vec(), to: None, instead: None, change: None, told: AtomicU64::new(0) }
    }

    /// On one route, to all devices.
    #[must_use]
    pub fn route(route: Route) -> Self {
        Self::routes(&[route])
    }

    /// Restricts it to this device.
    #[must_use]
    pub fn to(mut self, device: DeviceId) -> Self {
        self.to = Some(device);
        self
    }

    /// Responds without asking the service.
    #[must_use]
    pub fn says(self, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        self.may_say(move |seen| Verdict::Say(answer(seen)))
    }

    /// Lets the closure decide whether to respond without asking the service.
    #[must_use]
    pub fn may_say(mut self, verdict: impl Fn(&Seen) -> Verdict + Send + Sync + 'static) -> Self {
        self.instead = Some(Box::new(verdict));
        self
    }

    /// Changes the service's response.
    #[must_use]
    pub fn does(mut self, change: impl Fn(&Seen, Answer) -> Answer + Send + Sync + 'static) -> Self {
        self.change = Some(Box::new(change));
        self
    }

    /// Changes successful responses of this type.
    #[must_use]
    pub fn edits<T: Serialize + DeserializeOwned>(
        self,
        edit: impl Fn(&mut T) + Send + Sync + 'static,
    ) -> Self {
        self.does(move |_, answer| match serde_json::from_slice::<T>(&answer.body) {
            Ok(mut value) if answer.status < 300 => {
                edit(&mut value);
                Answer { headers: answer.headers, ..Answer::json(&value) }
            }
            _ => answer,
        })
    }

    /// How often it was told.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::SeqCst)
    }
}

impl Lie for On {
    fn concerns(&self, seen: &Seen) -> bool {
        // Unsigned requests could come from any device.
        let meant = self.to.is_none() || seen.device.is_none() || self.to == seen.device;
        meant && self.routes.iter().any(|route| route.fits(&seen.method, &seen.path))
    }

    fn request(&self, seen: &Seen) -> Verdict {
        let verdict = self.instead.as_ref().map_or(Verdict::Pass, |instead| instead(seen));
        if matches!(verdict, Verdict::Say(_)) || self.instead.is_none() {
            self.told.fetch_add(1, Ordering::SeqCst);
        }
        verdict
    }

    fn answer(&self, seen: &Seen, answer: Answer) -> Answer {
        self.change.as_ref().map_or(answer.clone(), |change| change(seen, answer))
    }
}
