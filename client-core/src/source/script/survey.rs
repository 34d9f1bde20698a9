//! What a script needs, read while it goes by.

use super::{Policy, ScriptFilter, policy::Target};
use crate::format::snapshot::{MAX_NAME_LEN, MAX_NEEDS, Need, Part, ScriptNeed, ScriptNeeds};

/// Reads a script for a server that has nothing.
pub struct Survey {
    /// `None` once the script turned out to be one that is not restored.
    filter: Option<ScriptFilter>,
    /// What the filter lets through.
    passed: Vec<u8>,
}

impl Default for Survey {
    fn default() -> Self {
        let mut filter = ScriptFilter::new(Policy { target: Some(Target::default()), ..Policy::default() });
        filter.needs = Some(ScriptNeeds::default());
        Self { filter: Some(filter), passed: Vec::new() }
    }
}

impl Survey {
    /// The next bytes of the script.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Some(filter) = &mut self.filter else { return };
        if filter.push(bytes, &mut self.passed).is_err() {
            self.filter = None;
        }
        self.passed.clear();
    }

    /// After the last byte.
    #[must_use]
    pub fn finish(mut self) -> Option<ScriptNeeds> {
        let mut filter = self.filter?;
        filter.finish(&mut self.passed).ok()?;
        filter.needs
    }
}

/// Each thing stands there once for each part that needs it.
pub(super) fn note(needs: &mut ScriptNeeds, line: u64, need: Need, part: Part, names: Vec<String>) {
    for name in names {
        let known = |noted: &ScriptNeed| noted.need == need && noted.part == part && noted.name == name;
        if needs.needs.len() < MAX_NEEDS && name.len() <= MAX_NAME_LEN && !needs.needs.iter().any(known) {
            needs.needs.push(ScriptNeed { line, need, part, name });
        }
    }
}
