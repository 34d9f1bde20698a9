//! Sealkeep's metadata service: it knows who may do what, and which objects belong together. It never sees a key, a
//! name or a byte of a dump.
//!
//! ```text
//!  device (sealkeep, desktop)                    S3-compatible store
//!     |  request, signed by the device                  ^  ^
//!     |                                    presigned URL|  |probe: does it keep
//!  listener    bounded connections, TLS                 |  |what it promises?
//!  middleware  request id, limits per network           |  |
//!  auth        token -> device signature ->             |  |
//!     |        PreAuth | TenantTx                       |  |
//!  handlers    one file a resource ----> presign -------+  |
//!     |                                  bucket -----------+
//!  db          queries behind a transaction that says whose they are
//!     |
//!  PostgreSQL  row-level security, forced: sealkeep_auth | sealkeep_api
//!     ^
//!  jobs        failed sign-ins into trails; what is over is forgotten
//! ```
//!
//! Two extractors decide what a handler can reach: `PreAuth` before somebody is signed in, `TenantTx` for one vault
//! afterwards; a handler without either has no database. What both ends must agree on stands in `api-types`, the
//! OpenAPI document is made of the handlers (`openapi`), and `embedded` brings a private PostgreSQL and object store for
//! one machine.
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
