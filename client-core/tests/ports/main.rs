//! The core's contact with the world: sources, targets, the service, the store. The servers are real or minimal fakes.

mod api_parts;
mod begin;
#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "the other half is for the storage format")]
mod common;
mod postgres_target;
mod private_postgres;
mod tiny_server;

mod api_password;
mod api_retry;
mod api_session;
mod engines;
mod look_at_service;
mod output;
mod restore_postgres;
mod source_archives;
mod source_connections;
mod source_files;
mod source_formats;
mod source_identity;
mod source_kindness;
mod source_poolers;
mod source_postgres;
mod source_postgres_script;
mod source_stdin;
mod store;
