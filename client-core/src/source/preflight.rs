//! What a source is like before its first backup: readable, encrypted, how large, dumped by which program.

/// The findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preflight {
    /// A database on a server.
    Database(Box<DatabaseFacts>),
    /// A file or a pipe.
    Bytes {
        /// Size; `None` for a pipe.
        size: Option<u64>,
    },
}

/// Facts about a database, from its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// `PostgreSQL 15.20`
    pub server: String,
    /// Whether this connection is encrypted.
    pub tls: bool,
    /// Whether the connection stays on this machine.
    pub local: bool,
    /// Its size on the server's disk, bytes.
    pub size: u64,
    /// Tables that the user may read.
    pub readable_tables: u64,
    /// Tables and sequences that the user may not read: a dump will fail on them.
    pub unreadable: Vec<String>,
    /// The program that would dump it: `pg_dump 15.20`.
    pub tool: String,
    /// Statements that create a role that can read everything in it and change nothing.
    pub read_only_role: String,
}

impl Preflight {
    /// Whether a backup would succeed as things are.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Database(facts) => facts.unreadable.is_empty(),
            Self::Bytes { .. } => true,
        }
    }
}
