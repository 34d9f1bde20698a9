//! Sealkeep's metadata service. A request's way:
//! request id → limits → token → device signature → tenant scope → handler → queries under row-level security.

pub mod config;
pub mod error;
pub mod openapi;
pub mod router;
pub mod state;
pub mod telemetry;

pub mod auth;
pub mod middleware;

pub mod db;
pub mod handlers;

pub mod bucket;
pub mod presign;
pub mod probe;

pub mod embedded;
mod limiter;
pub mod listener;
pub mod network;
pub mod process_guard;
pub mod proxies;
pub mod serve;
pub mod worker;

pub use router::{app, operations};
