//! A dump goes back into a database. It is there whole or not at all.

mod locks;
mod made;
mod pipeline;
mod psql;
mod stop;
mod target;

use self::{
    locks::Listing,
    made::Made,
    pipeline::{Archive, Pipeline, Script},
    psql::{Psql, Unfinished},
    target::{Survey, Way, is_empty},
};
pub use self::{stop::Stop, target::RestoreTarget};
use super::tools::Tool;
use crate::source::{
    SourceError,
    sentinel::{ENOUGH, Format, archive_version},
};

/// Every session of a restore: the server notices within half a minute that we are gone, and nothing that a role or a
/// database is set to ends us in the middle. What a server does not know is left out.
pub(super) const SESSION_SETTINGS: &str = "
SET search_path = pg_catalog;
SELECT set_config(s.name, v.value, false)
  FROM (VALUES ('statement_timeout', '0'), ('lock_timeout', '0'), ('transaction_timeout', '0'),
               ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'),
               ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'),
               ('tcp_user_timeout', '30000'), ('client_connection_check_interval', '10000')) v(name, value)
  JOIN pg_settings s ON s.name = v.name
 WHERE s.name <> 'client_connection_check_interval' OR version() !~* 'visual c|mingw|msvc|windows';
RESET search_path;
";

/// Takes a dump's bytes. What was not finished never happened.
pub struct DatabaseSink {
    target: RestoreTarget,
    head: Vec<u8>,
    /// Counts locks before anything is changed.
    waiting: Option<Waiting>,
    running: Option<Running>,
    stop: Stop,
}

/// What a finished restore did besides what was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// What a person should know, each in one sentence.
    pub notes: Vec<String>,
}

/// An archive for an existing database, whose table of contents is not read to its end yet.
struct Waiting {
    listing: Listing,
    reader: Reader,
    psql: Tool,
    survey: Survey,
}

/// Fields are dropped in this order: first the programs, then the database.
struct Running {
    pipeline: Pipeline,
    place: Place,
}

enum Place {
    Made(Box<Made>),
    InPlace { psql: Tool },
}

impl DatabaseSink {
    /// Nothing happens before the first bytes: they say which program is needed.
    #[must_use]
    pub fn new(target: RestoreTarget) -> Self {
        Self { target, head: Vec::new(), waiting: None, running: None, stop: Stop::default() }
    }

    /// Ends the restore from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// The next bytes of the dump.
    ///
    /// # Errors
    /// [`SourceError`]; the database is as it was once this value is dropped.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        if let Some(running) = &mut self.running {
            return running.pipeline.write(bytes);
        }
        self.head.extend_from_slice(bytes);
        match &mut self.waiting {
            Some(waiting) => {
                if waiting.listing.feed(bytes) {
                    self.counted()
                } else {
                    Ok(())
                }
            }
            None if self.head.len() < ENOUGH => Ok(()),
            None => self.start(),
        }
    }

    /// After the last byte, when everything was verified: commits.
    ///
    /// # Errors
    /// [`SourceError::RestoreFailed`]; the database is as it was.
    pub fn finish(mut self) -> Result<Restored, SourceError> {
        if self.running.is_none() && self.waiting.is_none() {
            self.start()?;
        }
        self.counted()?;
        match self.running.take() {
            Some(Running { pipeline, place: Place::Made(made) }) => {
                pipeline.finish().map_err(|unfinished| unfinished.error)?;
                self.stop.begin_commit()?;
                let old = made.publish("")?;
                Ok(Restored { notes: old.into_iter().map(still_there).collect() })
            }
            Some(Running { pipeline, place: Place::InPlace { psql } }) => match pipeline.finish() {
                Ok(()) => Ok(Restored::default()),
                Err(unfinished) => self.target.after(&psql, unfinished),
            },
            None => Err(SourceError::Internal("nothing was started".into())),
        }
    }

    fn start(&mut self) -> Result<(), SourceError> {
        let reader = Reader::of(&self.head)?;
        if self.target.source.as_deref() == Some(self.target.place().as_str()) {
            return Err(SourceError::SameAsSource(self.target.place()));
        }
        // Found before anything is changed.
        let psql = self.target.tools.newest("psql")?;
        let lister = match reader {
            Reader::PgRestore { oldest } => Some(self.target.tools.suiting("pg_restore", oldest)?),
            Reader::Psql => None,
        };
        let survey = self.target.survey(&psql, lister.is_some())?;
        match (lister, &survey.way) {
            (Some(tool), Way::InPlace { .. }) => {
                let mut listing = Listing::start(&self.target.url, &tool)?;
                let enough = listing.feed(&self.head);
                self.waiting = Some(Waiting { listing, reader, psql, survey });
                if enough { self.counted() } else { Ok(()) }
            }
            _ => self.run(reader, &psql, survey),
        }
    }

    /// The table of contents is known as far as it ever will be.
    fn counted(&mut self) -> Result<(), SourceError> {
        let Some(Waiting { listing, reader, psql, survey }) = self.waiting.take() else { return Ok(()) };
        locks::refuse(self.target.place(), listing.locks(), survey.locks)?;
        self.run(reader, &psql, survey)
    }

    fn run(&mut self, reader: Reader, psql: &Tool, survey: Survey) -> Result<(), SourceError> {
        let running = self.target.run(reader, psql, survey, &self.stop)?;
        let head = std::mem::take(&mut self.head);
        self.running.insert(running).pipeline.write(&head)
    }
}

impl Drop for DatabaseSink {
    fn drop(&mut self) {
        // An end that nobody expected, too, drops the programs before the database.
        drop(self.running.take());
    }
}

fn still_there(old: String) -> String {
    format!(
        "the database that was replaced is still there as {old}; `sealkeep restore --clean-up URL` drops it"
    )
}

/// Which program reads the dump.
#[derive(Clone, Copy)]
enum Reader {
    /// `oldest`: the first major version that knows this archive version.
    PgRestore {
        oldest: u32,
    },
    Psql,
}

impl Reader {
    fn of(head: &[u8]) -> Result<Self, SourceError> {
        match Format::of(head) {
            Format::PgCustom | Format::PgCustomNewer => {
                let oldest = match archive_version(head) {
                    Some((1, ..=14)) => 12,
                    Some((1, 15)) => 16,
                    _ => 17,
                };
                Ok(Self::PgRestore { oldest })
            }
            Format::PgPlain => Ok(Self::Psql),
            Format::PgCluster => {
                Err(SourceError::NotRestorable("it holds a whole server, not one database".into()))
            }
            Format::MySql => Err(SourceError::NotRestorable("it is a dump of MySQL or MariaDB".into())),
            other => Err(SourceError::NotRestorable(format!(
                "its format ({}) is no PostgreSQL dump",
                other.as_str()
            ))),
        }
    }
}

impl RestoreTarget {
    fn run(&self, reader: Reader, psql: &Tool, survey: Survey, stop: &Stop) -> Result<Running, SourceError> {
        let (place, url, clean) = match survey.way {
            Way::Make(maintenance) => {
                let made = Made::create(maintenance, psql, self.url.database(), false, "")?;
                let url = self.url.with_database(made.name());
                (Place::Made(Box::new(made)), url, false)
            }
            Way::Replace(maintenance) => {
                let made = Made::create(maintenance, psql, self.url.database(), true, "")?;
                let url = self.url.with_database(made.name());
                (Place::Made(Box::new(made)), url, false)
            }
            Way::InPlace { clean } => (Place::InPlace { psql: psql.clone() }, self.url.clone(), clean),
        };
        // A database of its own needs no single transaction, and so no lock for each object until the end.
        let one_transaction = matches!(place, Place::InPlace { .. });
        let script = Script::new(Psql::start(&url, psql, one_transaction, stop)?);
        let pipeline = match reader {
            Reader::Psql => Pipeline::Script(script),
            Reader::PgRestore { oldest } => {
                // A newer pg_restore sets what an older server does not know.
                let suiting = self.tools.suiting("pg_restore", survey.major.max(oldest));
                let tool = suiting.or_else(|_| self.tools.newest("pg_restore"))?;
                let mut arguments = Vec::new();
                if one_transaction {
                    arguments.push("--single-transaction");
                }
                if clean {
                    arguments.extend(["--clean", "--if-exists"]);
                }
                if self.no_owner {
                    arguments.extend(["--no-owner", "--no-privileges"]);
                }
                Pipeline::Archive(Archive::start(&url, &tool, &arguments, script, stop)?)
            }
        };
        Ok(Running { pipeline, place })
    }

    /// After an error of a restore in one transaction: when the commit had been sent, only the database can tell.
    fn after(&self, psql: &Tool, unfinished: Unfinished) -> Result<Restored, SourceError> {
        if !unfinished.committing {
            return Err(unfinished.error);
        }
        match is_empty(&self.url, psql) {
            Ok(true) => Err(unfinished.error),
            Ok(false) if !self.overwrite => Ok(Restored::default()),
            _ => Err(SourceError::Uncertain { place: self.place(), detail: unfinished.error.to_string() }),
        }
    }
}
