//! The window's commands: deserialize, call the engine, answer with a view. Each command needs its name in build.rs
//! and in capabilities/main-window.json.

mod account;
mod general;
mod latest;
mod preferences;
mod restore;
mod run;
mod snapshot;
mod source;
mod updates;

pub(crate) use self::{
    account::*, general::*, preferences::*, restore::*, run::*, snapshot::*, source::*, updates::*,
};

#[cfg(test)]
mod tests;
