//! User-level operations: one verb per file. Options in, a report out; nothing is printed here.

// this device and its vault, opened
mod client;
mod errors;
mod open;
mod record;
mod sync;

// accounts
pub mod devices;
pub mod first_run;
pub mod recovery_codes;
pub mod service;
pub mod sign_in;
pub mod sign_in_change;
pub mod sign_out;
pub mod sign_up;

// sources, and when they are backed up
mod address;
pub mod change_source;
pub mod due;
pub mod find_source;
pub mod preferences;
pub mod probe;
pub mod remove_source;
pub mod schedule;
pub mod scheduled;
pub mod sources;
pub mod timer;

// backup
pub mod backup;
mod source_check;
mod source_match;

// snapshots and runs, listed
pub mod activity;
pub mod details;
pub mod known;
pub mod list;
mod missed;
pub mod overview;
pub mod runs;
pub mod select;
pub mod status;

// restore
mod choose;
pub mod restore;

// verify and repair
pub mod check;
pub mod debug_bundle;
mod objects;
pub mod rebuild_index;
pub mod rebuild_records;

pub use client::{Account, Client, Settings};
pub(crate) use open::OpenVault;

#[cfg(test)]
mod sentences;
