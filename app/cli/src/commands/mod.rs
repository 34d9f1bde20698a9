//! One command per file: arguments → options → client-core's report → output.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod debug;
pub(crate) mod devices;
pub(crate) mod index;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod manual;
pub(crate) mod restore;
pub(crate) mod runs;
pub(crate) mod schedule;
pub(crate) mod signup;
pub(crate) mod snapshots;
pub(crate) mod source;
pub(crate) mod status;

use std::path::PathBuf;

use client_core::{error::Error, ops::Client};

use crate::{prompt::Secrets, render::Output};

/// What every command needs.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) secrets: Secrets,
    pub(crate) output: Output,
    /// From the configuration file, kB per second.
    pub(crate) limit_upload: Option<u32>,
}

/// This program's own path, for those who start it later.
fn program() -> Result<PathBuf, Error> {
    std::env::current_exe().map_err(|e| Error::io("this program", &e))
}
