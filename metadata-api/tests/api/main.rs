//! The service: its routes on a real PostgreSQL, its start, and its own object store. Numbers in test names are those of
//! tests/negative-tests.md.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, unreachable_pub, reason = "tests")]

mod support;

mod account_change;
mod audit_trail;
mod backups;
mod backups_lease;
mod boot;
mod bounded_tables;
mod config;
mod config_boot;
mod connections;
mod coverage;
mod directory;
mod first_day;
mod grants;
mod jobs;
mod limits;
mod object_store_conformance;
mod object_store_embedded;
mod objects;
mod quota;
mod refresh;
mod second_factor;
mod sign_in;
mod sign_up;
mod signed_request;
mod tenancy;
mod token;
