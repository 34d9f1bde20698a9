//! Collects what a script needs while it streams past.

use std::collections::HashSet;

use super::{Policy, ScriptFilter, policy::Target, token::Head};
use crate::format::snapshot::{MAX_NAME_LEN, MAX_NEEDS, Need, Part, ScriptNeed, ScriptNeeds};

/// Maximum number of roles among the needs.
const MAX_ROLES: usize = MAX_NEEDS * 3 / 4;

/// Reads a script for a server that has nothing.
pub struct Survey {
    /// `None` once the script turned out not to be restorable.
    filter: Option<ScriptFilter>,
    /// Output of the filter.
    passed: Vec<u8>,
}

impl Default for Survey {
    fn default() -> Self {
        let mut filter = ScriptFilter::new(Policy { target: Some(Target::default()), ..Policy::default() });
        filter.notes = Some(Notes::default());
        Self { filter: Some(filter), passed: Vec::new() }
    }
}

impl Survey {
    /// Feeds the next bytes of the script.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Some(filter) = &mut self.filter else { return };
        if filter.push(bytes, &mut self.passed).is_err() {
            self.filter = None;
        }
        self.passed.clear();
    }

    /// Call after the last byte.
    #[must_use]
    pub fn finish(mut self) -> Option<ScriptNeeds> {
        let mut filter = self.filter?;
        filter.finish(&mut self.passed).ok()?;
        filter.notes.map(|notes| notes.found)
    }
}

/// The findings so far.
#[derive(Default)]
pub(super) struct Notes {
    found: ScriptNeeds,
    known: HashSet<(Need, Part, String)>,
    roles: usize,
}

impl Notes {
    /// Counts a statement that passes.
    pub(super) fn count(&mut self, head: &Head<'_>) {
        self.found.locks += u64::from(head.creates_relation());
        self.found.owner_locks += u64::from(head.locks_for_owner());
    }

    /// Records each thing once for each part that needs it.
    pub(super) fn add(&mut self, line: u64, need: Need, part: Part, names: Vec<String>) {
        for name in names {
            // Leave room for needs that come after many roles, and after the rows.
            let room = if need == Need::Role { self.roles < MAX_ROLES } else { true };
            if !room || self.found.needs.len() == MAX_NEEDS || name.is_empty() || name.len() > MAX_NAME_LEN {
                continue;
            }
            if self.known.insert((need, part, name.clone())) {
                self.roles += usize::from(need == Need::Role);
                self.found.needs.push(ScriptNeed { line, need, part, name });
            }
        }
    }
}
