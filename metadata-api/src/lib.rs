//! Sealkeep's metadata service: who may do what, which objects exist, which snapshots they make. It sees no key
//! that opens a backup, no plaintext and no password; dumps never pass through it.
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
//!    |                 the conversation's key       |            |
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
//! An answer goes back the same way: a handler commits and returns a body of `api-types`, or an `error::ApiError`.
//! `middleware/problem.rs` makes a problem document of the error; its cause goes to the log alone.
//!
//! The start: `config` reads settings; `serve::boot` connects, checks schema (`db::check`) and stores (`probe`),
//! and fills `state::AppState`; `serve::run` serves `router::app`. `embedded` starts a PostgreSQL and an object
//! store first. `/readyz` and `/metrics` have a listener of their own (`router::operations`).
//!
//! - Who asks: `domain::caller::Caller`; each stage is made of the one before. What it may do:
//!   `domain::caller::Right`.
//! - A tenant's rows: `db::TenantTx`, the only way to them. The pool is private to `db`.
//! - Limits of this process: `limiter`. Limits that replicas share: `db::rate`. Their numbers: `config::Limits`.
//! - The service's own keys: `keys::ServerKeys`, `keys::token::TokenKeys`. Time: `clock::Clock`, which tests move.
//!
//! What each layer may import stands below it; a test (`tests/tests/rules/layers.rs`) compares this with the code.
//!
//! ```text
//! layers
//! router
//! jobs openapi
//! handlers middleware              what is done, and what surrounds it
//! auth embedded serve              who asks; how the service starts
//! listener state                   connections; what every request can reach
//! keys limiter
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
mod limiter;
pub mod network;
pub mod openapi;
pub mod process_guard;
pub mod proxies;
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
