//! Sealkeep's metadata service: who may do what, which objects exist, which snapshots they form. It never sees a key
//! that opens a backup, plaintext or a password; dumps never pass through it.
//!
//! ```text
//!  a device                                   object store, one a region
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
//!  handlers    one file a resource - presign: URL --+            |
//!    |                             - bucket: is it there? -------+
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
//! handlers middleware              what is done, and what surrounds it
//! auth embedded serve              who asks; how the service starts
//! listener state                   connections; what every request can reach
//! keys rate_limiter
//! config probe
//! bucket callers db                the world
//! clock domain error guarantees network presign process_guard proxies readiness sampler telemetry
//! ```

pub mod callers;
pub mod clock;
pub mod config;
pub mod domain;
pub mod error;
pub mod keys;
pub mod network;
pub mod openapi;
pub mod process_guard;
pub mod proxies;
mod rate_limiter;
mod readiness;
pub mod router;
mod sampler;
pub mod state;
pub mod telemetry;

pub mod auth;
pub mod middleware;

pub mod db;
pub mod handlers;

pub mod bucket;
pub mod guarantees;
pub mod presign;
pub mod probe;

pub mod embedded;
pub mod jobs;
pub mod listener;
pub mod serve;

pub use router::{app, operations};
