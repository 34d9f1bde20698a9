//! The lying service: two reverse proxies, between the devices and the real service and in front of its store. All
//! traffic is recorded, and a lie can be told to one device or to all, for a while.

pub mod book;
pub mod edit;
pub mod edits;
pub mod lie;
pub mod promise;
pub mod schema;
pub mod store_lies;
pub mod story;
pub mod who;
pub mod world;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api_types::DeviceId;
use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, header},
    response::Response,
};
use bytes::Bytes;
use tokio::runtime::Runtime;

use self::{
    book::{Book, Page},
    lie::{Answer, Lie, Seen, Verdict},
};
use crate::{
    failure::{Context, Result},
    service::Front,
};

/// Maximum body, bytes.
const LARGEST: usize = 80 * 1024 * 1024;
/// The part of a presigned URL that tells one from another.
const SIGNATURE: &str = "X-Amz-Signature=";

/// Both proxies, until dropped.
pub struct Liars {
    /// Between devices and the service.
    pub api: Liar,
    /// Between devices, the service and the store.
    pub store: Liar,
    runtime: Option<Runtime>,
}

/// One proxy.
pub struct Liar {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    worlds: Mutex<Vec<u16>>,
    lives_in: Mutex<HashMap<DeviceId, usize>>,
    permits: Arc<Mutex<HashMap<String, usize>>>,
    lies: Mutex<Vec<Arc<dyn Lie>>>,
    book: Book,
}

/// A lie being told, until dropped.
pub struct Telling {
    inner: Arc<Inner>,
    lie: Arc<dyn Lie>,
}

impl Drop for Telling {
    fn drop(&mut self) {
        lock(&self.inner.lies).retain(|lie| !Arc::ptr_eq(lie, &self.lie));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Liars {
    /// Starts them, not yet connected to a service.
    ///
    /// # Errors
    /// No port is free.
    pub fn start() -> Result<Arc<Self>> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let permits = Arc::new(Mutex::new(HashMap::new()));
        let api = Liar::start(&runtime, Arc::clone(&permits))?;
        let store = Liar::start(&runtime, permits)?;
        Ok(Arc::new(Self { api, store, runtime: Some(runtime) }))
    }
}

impl Drop for Liars {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Front for Liars {
    fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.api.address, self.store.address)
    }

    fn lead_to(&self, world: usize, api: u16, store: u16) {
        self.api.lead_to(world, api);
        self.store.lead_to(world, store);
    }
}

impl Liar {
    fn start(runtime: &Runtime, permits: Arc<Mutex<HashMap<String, usize>>>) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // A connection that outlived its service would be another lie.
            .pool_max_idle_per_host(0)
            .tls_certs_only([])
            .build()
            .context("the HTTP client")?;
        let inner = Arc::new(Inner {
            http,
            worlds: Mutex::default(),
            lives_in: Mutex::default(),
            permits,
            lies: Mutex::default(),
            book: Book::default(),
        });
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let app = Router::new().fallback(serve).with_state(Arc::clone(&inner));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, inner })
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// All recorded traffic.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.inner.book
    }

    /// Tells a lie until the returned guard is dropped.
    #[must_use]
    pub fn tell(&self, lie: Arc<dyn Lie>) -> Telling {
        lock(&self.inner.lies).push(Arc::clone(&lie));
        Telling { inner: Arc::clone(&self.inner), lie }
    }

    /// From now on this device talks to another world; see [`super::liar::world::World::fork`].
    pub fn move_to(&self, device: DeviceId, world: usize) {
        lock(&self.inner.lives_in).insert(device, world);
    }

    fn lead_to(&self, world: usize, port: u16) {
        let mut worlds = lock(&self.inner.worlds);
        while worlds.len() <= world {
            worlds.push(port);
        }
        if let Some(here) = worlds.get_mut(world) {
            *here = port;
        }
    }
}

async fn serve(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.unwrap_or_default();
    let seen = Seen {
        device: who::who(&parts.headers),
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    let lies: Vec<Arc<dyn Lie>> =
        lock(&inner.lies).iter().filter(|lie| lie.concerns(&seen)).cloned().collect();
    let head = seen.method == "HEAD";
    for lie in &lies {
        if let Verdict::Say(answer) = lie.request(&seen) {
            inner.book.write(Page { seen, truth: None, said: answer.clone() });
            return answer.respond(head);
        }
    }
    let truth = inner.ask(&seen).await;
    let said = lies.iter().fold(truth.clone(), |answer, lie| lie.answer(&seen, answer));
    inner.book.write(Page { seen, truth: Some(truth), said: said.clone() });
    said.respond(head)
}

impl Inner {
    /// Asks the service that this request is for.
    async fn ask(&self, seen: &Seen) -> Answer {
        let worlds = lock(&self.worlds).clone();
        let permit =
            seen.query.split_once(SIGNATURE).map(|(_, rest)| rest.get(..64).unwrap_or(rest).to_owned());
        let known = match (&seen.device, permit) {
            (Some(device), _) => lock(&self.lives_in).get(device).copied(),
            (None, Some(permit)) => lock(&self.permits).get(&permit).copied(),
            (None, None) => None,
        };
        // The store cannot tell which of two services asks: if one lacks the object, the other may have it.
        let order: Vec<usize> = match known {
            Some(world) => vec![world],
            None if seen.device.is_some() => vec![0],
            None => (0..worlds.len()).collect(),
        };
        let mut absent = None;
        for world in order {
            let Some(port) = worlds.get(world) else { continue };
            match self.forward(*port, seen).await {
                Ok(answer) if answer.status == 404 => absent = absent.or(Some(answer)),
                Ok(answer) => {
                    self.remember(&answer.body, world);
                    return answer;
                }
                // A world that has ended; an error only if no other one responds.
                Err(_) => {}
            }
        }
        // Two worlds asked for the same within one second give the same URL, and one of them may have ended.
        if let (None, None, Some(port)) = (&absent, &seen.device, worlds.first())
            && let Ok(answer) = self.forward(*port, seen).await
        {
            return answer;
        }
        absent.unwrap_or_else(|| Answer::bytes(502, Bytes::new()))
    }

    async fn forward(&self, port: u16, seen: &Seen) -> reqwest::Result<Answer> {
        let question = if seen.query.is_empty() { "" } else { "?" };
        let url = format!("http://127.0.0.1:{port}{}{question}{}", seen.path, seen.query);
        let method = seen.method.parse().unwrap_or(reqwest::Method::GET);
        let mut headers = seen.headers.clone();
        for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::EXPECT] {
            headers.remove(name);
        }
        let mut request = self.http.request(method, url).headers(headers).timeout(Duration::from_secs(120));
        if !seen.body.is_empty() {
            request = request.body(seen.body.clone());
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let mut headers: HeaderMap = answer.headers().clone();
        headers.remove(header::CONNECTION);
        headers.remove(header::TRANSFER_ENCODING);
        if seen.method != "HEAD" {
            headers.remove(header::CONTENT_LENGTH);
        }
        Ok(Answer { headers, ..Answer::bytes(status, answer.bytes().await?) })
    }

    /// Presigned URLs lead back to the world that issued them.
    fn remember(&self, body: &Bytes, world: usize) {
        if world == 0 {
            return;
        }
        let text = String::from_utf8_lossy(body);
        for (at, _) in text.match_indices(SIGNATURE) {
            if let Some(permit) = text.get(at + SIGNATURE.len()..at + SIGNATURE.len() + 64) {
                lock(&self.permits).insert(permit.to_owned(), world);
            }
        }
    }
}

/// Progress output of long tests; shown with `--nocapture`.
#[expect(clippy::print_stderr, reason = "what tests say")]
pub fn note(line: &str) {
    eprintln!("{line}");
}
