//! What to restore of a script, and what the target server has.

use std::collections::BTreeSet;

use super::error::{Found, ScriptError};
use crate::{
    format::snapshot::{Need, Part, ScriptNeed, ScriptNeeds},
    text,
    text::{Text, told},
};

/// What a restore leaves out.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one of the user's choices or a fact of the target"
)]
pub struct Policy {
    /// The whole script runs in one transaction.
    pub one_transaction: bool,
    /// Errors of the server are skipped: it reports what it lacks itself.
    pub continue_on_error: bool,
    /// Leave out owners, and with them privileges.
    pub no_owner: bool,
    /// Leave out privileges.
    pub no_privileges: bool,
    /// Leave out what needs a role, an extension, a tablespace, a language or a privilege that the target lacks.
    pub skip_missing: bool,
    /// psql reads it: restore a setting that the script changes covertly wherever it matters.
    pub guard_settings: bool,
    /// What the server has; if `None`, nothing is considered missing.
    pub target: Option<Target>,
}

impl Policy {
    /// What the server has, if statements are checked against it.
    pub(super) fn compared(&self) -> Option<&Target> {
        self.target.as_ref().filter(|_| self.skip_missing || !self.continue_on_error)
    }

    /// Refuses everything at once that a script needs and the server lacks.
    ///
    /// # Errors
    /// [`Found::Missing`].
    pub fn refuse_lacking(&self, needs: &ScriptNeeds) -> Result<(), ScriptError> {
        let Some(target) = self.compared().filter(|_| !self.skip_missing) else { return Ok(()) };
        let lacks = |needed: &&ScriptNeed| {
            let wanted = match needed.part {
                Part::Owners => !self.no_owner,
                Part::Privileges => !self.without_privileges(),
                Part::Definitions => true,
            };
            wanted && !target.has(needed.need, &needed.name)
        };
        let lacking: Vec<&ScriptNeed> = needs.needs.iter().filter(lacks).collect();
        let Some(first) = lacking.first() else { return Ok(()) };
        let all: BTreeSet<(Need, String)> =
            lacking.iter().map(|needed| (needed.need, needed.name.clone())).collect();
        Err(ScriptError { line: first.line, found: Found::Missing(all.into_iter().collect()) })
    }

    /// Whether privileges are left out.
    pub(super) const fn without_privileges(&self) -> bool {
        self.no_owner || self.no_privileges
    }
}

/// What the target server has of what scripts need.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Roles.
    pub roles: BTreeSet<String>,
    /// Settings, in lower case.
    pub settings: BTreeSet<String>,
    /// Extensions that can be created.
    pub extensions: BTreeSet<String>,
    /// Tablespaces.
    pub tablespaces: BTreeSet<String>,
    /// Whether the restoring role is a superuser.
    pub superuser: bool,
}

/// Settings that exist although the server does not list them.
const UNLISTED: [&str; 5] = ["role", "session_authorization", "default_with_oids", "seed", "is_superuser"];

impl Target {
    fn has(&self, need: Need, name: &str) -> bool {
        match need {
            Need::Role => self.roles.contains(name),
            // A language comes with the extension of the same name.
            Need::Extension | Need::Language => self.extensions.contains(name),
            Need::Tablespace => self.tablespaces.contains(name),
            Need::Superuser => self.superuser,
            Need::Setting => self.knows_setting(name),
            // Only the server itself can tell.
            Need::LabelProvider => true,
        }
    }

    pub(super) fn knows_setting(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        name.contains('.') || UNLISTED.contains(&name.as_str()) || self.settings.contains(&name)
    }
}

/// A statement that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Line of the script, starting at 1.
    pub line: u64,
    /// Its beginning, printable.
    pub statement: String,
    /// The reason.
    pub reason: Reason,
}

/// Why a statement was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It sets an owner.
    Owner,
    /// It grants or revokes privileges.
    Privileges,
    /// The target lacks what it needs: kind and name.
    Missing(Need, String),
    /// The server does not know this setting.
    UnknownSetting(String),
    /// It concerns the dumped database; another one is being restored into.
    Database,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {} ({})", self.line, self.statement, self.reason)
    }
}

told!(Reason);

impl Reason {
    fn text(&self) -> Text {
        match self {
            Self::Owner => text!("owner"),
            Self::Privileges => text!("privileges"),
            Self::Missing(need, name) => {
                text!("the target has no {need} \"{name}\"", need = need.as_str(), name)
            }
            Self::UnknownSetting(name) => text!("the target does not know the setting \"{name}\"", name),
            Self::Database => text!("it is about the database that was dumped"),
        }
    }
}
