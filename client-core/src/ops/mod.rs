//! User-level operations: one verb per file. Options in, a report out; nothing is printed here.

mod address;
mod choose;
mod client;
mod errors;
mod kinship;
mod objects;
mod open;
mod same;
mod sync;

pub mod activity;
pub mod backup;
pub mod check;
pub mod debug_bundle;
pub mod details;
pub mod devices;
pub mod due;
pub mod find_source;
pub mod first_run;
pub mod list;
pub mod overview;
pub mod preferences;
pub mod probe;
pub mod rebuild_index;
pub mod rebuild_records;
pub mod recovery_codes;
pub mod remove_source;
pub mod restore;
pub mod runs;
pub mod schedule;
pub mod scheduled;
pub mod select;
pub mod service;
pub mod sign_in;
pub mod sign_in_change;
pub mod sign_out;
pub mod sign_up;
pub mod sources;
pub mod status;
pub mod timer;

pub use client::{Account, Client, Settings};
pub(crate) use open::OpenVault;

#[cfg(test)]
mod sentences;
