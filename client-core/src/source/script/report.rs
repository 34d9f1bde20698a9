//! What the filter says beside the script that it lets through.

use super::policy::LeftOut;

/// Where somebody who goes on after errors has to take care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// A COPY begins, and its rows follow it.
    Copy,
    /// A statement begins that changes a setting.
    Setting {
        /// Which.
        name: String,
        /// How the script is read depends on it.
        reads: bool,
    },
    /// What began has ended.
    End,
}

/// What was left out of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptReport {
    /// The first thousand statements.
    pub left_out: Vec<LeftOut>,
    /// All of them.
    pub left_out_count: u64,
}
