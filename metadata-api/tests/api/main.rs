//! The service on a real PostgreSQL. Numbers in test names are those of tests/negative-tests.md.
#![expect(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

#[path = "../support/client.rs"]
mod client;
#[path = "../support/stage.rs"]
mod stage;

mod account_change;
mod audit_trail;
mod boot;
mod bounded_tables;
mod connections;
mod coverage;
mod directory;
mod first_day;
mod jobs;
mod limits;
mod quota;
mod refresh;
mod second_factor;
mod sign_in;
mod sign_up;
mod signed_request;
mod tenancy;
mod token;
