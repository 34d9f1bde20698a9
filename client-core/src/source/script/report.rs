//! What the filter reports besides the script that it lets through.

use super::policy::LeftOut;

/// A point where a restore that continues after errors has to take care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// A COPY begins, and its rows follow.
    Copy,
    /// A statement that changes a setting begins.
    Setting {
        /// The name of the setting.
        name: String,
        /// Whether it affects how the script is read.
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
    /// Total number.
    pub left_out_count: u64,
}
