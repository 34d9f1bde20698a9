//! What SQL text needs from the server that it is restored to. It is part of a snapshot's sealed body: grants and
//! policies come after the rows, and a missing role should be reported before those.

use std::collections::HashSet;

use super::{Format, FormatError};

const FORMAT: Format = Format::Snapshot;
/// Maximum number of needs kept. Later ones are found during the restore.
pub const MAX_NEEDS: usize = 1024;
/// Maximum length of names, bytes. PostgreSQL's own have at most 63 bytes, and these may have a prefix.
pub const MAX_NAME_LEN: usize = 255;

/// What a statement needs of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// A role.
    Role,
    /// An extension installed on the server.
    Extension,
    /// A tablespace.
    Tablespace,
    /// A procedural language.
    Language,
    /// Superuser rights.
    Superuser,
    /// A security label provider.
    LabelProvider,
    /// A setting in a function's definition.
    Setting,
}

impl Need {
    const ALL: [Self; 7] = [
        Self::Role,
        Self::Extension,
        Self::Tablespace,
        Self::Language,
        Self::Superuser,
        Self::LabelProvider,
        Self::Setting,
    ];

    /// For display.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Extension => "extension",
            Self::Tablespace => "tablespace",
            Self::Language => "language",
            Self::Superuser => "superuser's right",
            Self::LabelProvider => "label provider",
            Self::Setting => "setting",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Role => 1,
            Self::Extension => 2,
            Self::Tablespace => 3,
            Self::Language => 4,
            Self::Superuser => 5,
            Self::LabelProvider => 6,
            Self::Setting => 7,
        }
    }
}

/// The part of a dump that needs something: parts can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Owners.
    Owners,
    /// Privileges, and the roles of policies.
    Privileges,
    /// Everything else.
    Definitions,
}

impl Part {
    const ALL: [Self; 3] = [Self::Owners, Self::Privileges, Self::Definitions];

    const fn code(self) -> u8 {
        match self {
            Self::Owners => 1,
            Self::Privileges => 2,
            Self::Definitions => 3,
        }
    }
}

/// One thing that a script needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptNeed {
    /// First line that needs it, starting at 1.
    pub line: u64,
    /// Kind of need.
    pub need: Need,
    /// The part that needs it.
    pub part: Part,
    /// Its name.
    pub name: String,
}

/// Everything that a script needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptNeeds {
    /// Minimum number of locks that it holds until its end in one transaction.
    pub locks: u64,
    /// Additional ones if owners are restored.
    pub owner_locks: u64,
    /// By line; the first [`MAX_NEEDS`].
    pub needs: Vec<ScriptNeed>,
}

/// Locks, those for owners, and for each need: line, code of the kind, code of the part, name.
pub(super) type NeedsWire = (u64, u64, Vec<(u64, u8, u8, String)>);

impl ScriptNeeds {
    pub(super) fn to_wire(&self) -> NeedsWire {
        let needs = self.needs.iter();
        let rows = needs
            .map(|ScriptNeed { line, need, part, name }| (*line, need.code(), part.code(), name.clone()));
        (self.locks, self.owner_locks, rows.collect())
    }

    pub(super) fn from_wire((locks, owner_locks, rows): NeedsWire) -> Result<Self, FormatError> {
        if rows.len() > MAX_NEEDS || rows.iter().any(|(_, _, _, name)| name.len() > MAX_NAME_LEN) {
            return Err(FORMAT.damaged("it states an impossible length"));
        }
        let needs: Option<Vec<ScriptNeed>> = rows
            .into_iter()
            .map(|(line, need, part, name)| {
                Some(ScriptNeed {
                    line,
                    need: Need::ALL.into_iter().find(|known| known.code() == need)?,
                    part: Part::ALL.into_iter().find(|known| known.code() == part)?,
                    name,
                })
            })
            .collect();
        let needs = needs.ok_or_else(|| FORMAT.damaged("it contains an unknown requirement"))?;
        if !needs.is_sorted_by_key(|need| need.line) {
            return Err(FORMAT.damaged("its lists are not sorted"));
        }
        let named: HashSet<(Need, Part, &str)> =
            needs.iter().map(|need| (need.need, need.part, need.name.as_str())).collect();
        if named.len() < needs.len() || needs.iter().any(|need| need.line == 0 || need.name.is_empty()) {
            return Err(FORMAT.damaged("it contains a duplicate or empty requirement"));
        }
        Ok(Self { locks, owner_locks, needs })
    }
}
