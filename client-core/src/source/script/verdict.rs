//! The verdict on a statement.

use std::ops::Range;

use super::{error::Found, policy::Reason};
use crate::format::snapshot::{Need, Part};

/// What to do with a statement.
#[derive(Debug)]
pub(super) enum Verdict {
    Keep,
    /// Keep it; the data of a COPY follows.
    Copy,
    /// Keep it; it changes this setting. `reads`: the setting affects how the script is read.
    Set {
        name: String,
        reads: bool,
    },
    /// Keep it; from the next line on plain strings conform to the standard, or not.
    StandardStrings(bool),
    /// Drop it; nothing is lost.
    Drop,
    LeaveOut(Reason),
    /// Keep it without these clauses.
    Without(Vec<Range<usize>>, Reason),
    /// Replace it with this.
    Instead(&'static str, Reason),
    /// The target lacks these, and the policy does not allow skipping them.
    Lacks(Need, Part, Vec<String>),
    Refuse(Found),
}
