//! Sealkeep's metadata service: who may do what, which objects exist, which snapshots they form. It never sees a key
//! that opens a backup, plaintext or a password; dumps never pass through it.
//!
//! ```text
//!  a device                                   object store, one per region
//!    | request                                      ^            ^
//!    v                                              |            |
//!  listener    bounded connections, TLS 1.3         |            |
//!    |                                              | by the     | by the
//!  middleware  log, error body, panic, limit per    | device:    | service:
//!    |         network, time limit                  | PUT, GET   | HEAD
//!  router      every route, and its gate            |            |
//!    |                                              |            |
//!    +- open           /healthz, service, openapi   |            |
//!    +- before sign-in auth::PreAuth<T>: signed by  |            |
//!    |                 the exchange's key           |            |
//!    +- signed         auth/gate.rs                 |            |
//!    |                 token     -> Caller<Bearer>  |            |
//!    |                 signature -> Caller<Signed>  |            |
//!    |                 auth/tenant.rs               |            |
//!    |                 member, device -> TenantTx   |            |
//!    v                                              |            |
//!  handlers    one per resource   - presign: URL --+            |
//!    |         identity: sign-up,  - bucket: is it there? -------+
//!    |         sign-in, sessions
//!    v
//!  db          TenantTx (sealkeep_api), PreAuthTx (sealkeep_auth)
//!    |                ^
//!    v                +-- jobs: rounds that no request waits for
//!  PostgreSQL  row-level security, forced
//! ```
//!
//! Responses go back the same way: a handler commits and returns a body from `api-types` or an `error::ApiError`.
//! `middleware/problem.rs` turns the error into a problem document; only the log gets its cause.
//!
//! Startup: `config` reads settings; `serve::boot` connects, checks schema (`db::check`) and stores (`probe`), and
//! builds `state::AppState`; `serve::run` serves `router::app`. `embedded` first starts a PostgreSQL and an object
//! store. `/readyz` and `/metrics` have their own listener (`router::operations`).
//!
//! - The caller: `domain::caller::Caller`; each stage is built from the previous one. Its rights:
//!   `domain::caller::Right`.
//! - Tenants' rows: only through `db::TenantTx`. The pool is private to `db`.
//! - Limits per process: `rate_limiter`; shared by all replicas: `db::rate_limit`; values: `config::Limits`.
//! - The service's own keys: `keys::ServerKeys`, `keys::token::TokenKeys`. Time: `clock::Clock`, which tests can shift.
//!
//! A layer may import those below it; `tests/tests/rules/layers.rs` compares this list with the code.
//!
//! ```text
//! layers
//! router
//! jobs openapi
//! handlers middleware              what is done, and what surrounds it; no handler imports another
//! auth identity settlement         who asks, and how they prove it
//! embedded serve                   how the service starts
//! listener state                   connections; what every request can reach
//! keys rate_limiter
//! config probe
//! bucket callers db                the world
//! clock domain error guarantees network presign process_guard proxies readiness sampler telemetry
//! ```

// A connection, and who may be at its other end.
pub mod listener;

pub mod callers;
pub mod network;
pub mod proxies;

// Every request passes these.
pub mod middleware;

mod rate_limiter;
mod sampler;
pub mod telemetry;

pub mod error;

// Who asks.
pub mod router;

pub mod auth;
pub mod domain;

pub mod keys;

// What is done.
pub mod handlers;

mod identity;
pub mod settlement;

pub mod openapi;

// Where it is kept.
pub mod db;

pub mod bucket;
pub mod guarantees;
pub mod presign;

// Work that no request waits for.
pub mod jobs;

// How the service starts, and what all requests share.
pub mod clock;
pub mod config;
pub mod embedded;
pub mod probe;
pub mod process_guard;
mod readiness;
pub mod serve;
pub mod state;

pub use router::{app, operations};
