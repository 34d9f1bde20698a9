//! The window's commands: deserialize, call the engine, answer with a view. Each command needs its name in build.rs
//! and in capabilities/main-window.json.

mod account;
mod general;
mod latest;
mod leave;
mod preferences;
mod restore;
mod run;
mod service;
mod snapshot;
mod source;
mod updates;

pub(crate) use self::{
    account::*, general::*, leave::*, preferences::*, restore::*, run::*, service::*, snapshot::*, source::*,
    updates::*,
};

#[cfg(test)]
mod tests;
