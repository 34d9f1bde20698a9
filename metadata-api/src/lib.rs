//! Sealkeep's metadata service. A request's way:
//! request id → limits → token → device signature → tenant scope → handler → queries under row-level security.
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
