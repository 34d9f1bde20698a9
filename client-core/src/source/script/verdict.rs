//! What becomes of a statement.

use std::ops::Range;

use super::{error::Found, policy::Reason};
use crate::format::snapshot::{Need, Part};

/// What becomes of a statement.
#[derive(Debug)]
pub(super) enum Verdict {
    Keep,
    /// Kept; the data of a COPY follow.
    Copy,
    /// Kept; it changes this setting. `reads`: on which the reading of the script depends.
    Set {
        name: String,
        reads: bool,
    },
    /// Kept; from the next line on plain strings follow the standard, or not.
    StandardStrings(bool),
    /// Not needed; nothing is lost.
    Drop,
    LeaveOut(Reason),
    /// Kept without these clauses.
    Without(Vec<Range<usize>>, Reason),
    /// Left out, and this stands for it.
    Instead(&'static str, Reason),
    /// The target lacks these, and nothing says to go on without.
    Lacks(Need, Part, Vec<String>),
    Refuse(Found),
}
