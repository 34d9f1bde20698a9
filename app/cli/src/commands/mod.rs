//! One command per file: arguments → options → client-core's report → output.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod devices;
pub(crate) mod index;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod manual;
pub(crate) mod restore;
pub(crate) mod signup;
pub(crate) mod snapshots;
pub(crate) mod status;

use client_core::ops::Client;

use crate::{prompt::Secrets, render::Output};

/// What every command needs.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) secrets: Secrets,
    pub(crate) output: Output,
}
