//! A dump goes back into a database. It is there whole or not at all.

mod clean_up;
mod direct;
mod likeness;
mod locks;
mod made;
mod pipeline;
mod psql;
mod stop;
mod target;
mod unpack;

pub(super) use self::clean_up::{rows as left_over_rows, sentence as left_over_sentence};
pub use self::{
    clean_up::{CleanedUp, clean_up},
    stop::Stop,
    target::RestoreTarget,
};
use self::{
    direct::Direct,
    likeness::Likeness,
    locks::Listing,
    made::Made,
    pipeline::{Archive, Outcome, Pipeline, Script},
    psql::{Psql, Unfinished},
    target::{Survey, Way, is_empty},
    unpack::Unpack,
};
use super::{look, properties, script::LeftOut, tools::Tool};
use crate::source::{
    SourceError,
    sentinel::{ENOUGH, Format, archive_version},
    stopper::Stopper,
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
    unpack: Unpack,
    load: Load,
}

/// Takes what is in a dump.
struct Load {
    target: RestoreTarget,
    head: Vec<u8>,
    /// Counts locks before anything is changed.
    waiting: Option<Waiting>,
    /// What earlier restores left on the server.
    left_over: Option<String>,
    running: Option<Running>,
    stop: Stop,
}

/// What a finished restore did besides what was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// What a person should know, each in one sentence.
    pub notes: Vec<String>,
    /// What the server refused of a restore that kept going.
    pub failed: Vec<String>,
    /// Statements that the database did not get, the first thousand.
    pub left_out: Vec<LeftOut>,
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
        let load = Load {
            target,
            head: Vec::new(),
            waiting: None,
            left_over: None,
            running: None,
            stop: Stop::default(),
        };
        Self { unpack: Unpack::new(), load }
    }

    /// Ends the restore from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stop {
        self.load.stop.clone()
    }

    /// The next bytes of the dump.
    ///
    /// # Errors
    /// [`SourceError`]; the database is as it was once this value is dropped.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let Self { unpack, load } = self;
        unpack.push(bytes, &mut |content| load.write(content))
    }

    /// After the last byte, when everything was verified: commits.
    ///
    /// # Errors
    /// [`SourceError::RestoreFailed`]; the database is as it was.
    pub fn finish(self) -> Result<Restored, SourceError> {
        let Self { mut unpack, mut load } = self;
        unpack.finish(&mut |content| load.write(content))?;
        load.finish()
    }
}

impl Load {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
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

    fn finish(mut self) -> Result<Restored, SourceError> {
        if self.running.is_none() && self.waiting.is_none() {
            self.start()?;
        }
        self.counted()?;
        match self.running.take() {
            Some(Running { pipeline, place: Place::Made(made) }) => {
                let Outcome { failed, told, left_out } =
                    pipeline.finish().map_err(|unfinished| unfinished.error)?;
                self.stop.begin_commit()?;
                let mut notes = made.publish()?.notes;
                notes.extend(told);
                notes.extend(self.left_over.take());
                Ok(Restored { notes, failed, left_out })
            }
            Some(Running { pipeline, place: Place::InPlace { psql } }) => match pipeline.finish() {
                Ok(Outcome { failed, told, left_out }) => Ok(Restored {
                    notes: told.into_iter().chain(self.left_over.take()).collect(),
                    failed,
                    left_out,
                }),
                Err(unfinished) => self.target.after(&psql, unfinished),
            },
            None => Err(SourceError::Internal("nothing was started".into())),
        }
    }

    fn start(&mut self) -> Result<(), SourceError> {
        let reader = Reader::of(&self.head)?;
        self.target.refuse_source()?;
        if self.target.keep_going && matches!(reader, Reader::Psql) {
            return Err(SourceError::NotRestorable(
                "--continue needs an archive (of `sealkeep backup URL` or pg_dump -Fc): in SQL text the rows of a COPY that failed would be taken for statements".into(),
            ));
        }
        // Found before anything is changed.
        let psql = self.target.tools.newest("psql")?;
        let lister = match reader {
            Reader::PgRestore { oldest } => {
                let tools = &self.target.tools;
                Some(if oldest == ANY {
                    tools.newest("pg_restore")
                } else {
                    tools.suiting("pg_restore", oldest)
                }?)
            }
            Reader::Psql => None,
        };
        let survey = self.target.survey(&psql, lister.is_some())?;
        self.left_over = match &survey.way {
            Way::Make(reached) | Way::Replace(reached) => clean_up::found(reached, &psql),
            Way::InPlace { .. } => clean_up::found(&self.target.url, &psql),
        };
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

impl Drop for Load {
    fn drop(&mut self) {
        // An end that nobody expected, too, drops the programs before the database.
        drop(self.running.take());
    }
}

/// A tar archive's version stands further behind: the newest program reads them all.
const ANY: u32 = u32::MAX;

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
        if head.starts_with(b"toc.dat\0") {
            return Ok(Self::PgRestore { oldest: ANY });
        }
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
            Format::PgCluster => Err(SourceError::NotRestorable(
                "it holds a whole server (pg_dumpall), not one database".into(),
            )),
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
                let likeness = Likeness::new(self.properties.clone(), !self.no_owner, survey.major);
                let made = Made::create(maintenance, psql, self.url.database(), false, likeness)?;
                let url = self.url.with_database(made.name());
                (Place::Made(Box::new(made)), url, false)
            }
            Way::Replace(maintenance) => {
                // What its owner gave the database that is there stays, whoever made the dump.
                let answers =
                    look::ask(&self.url, psql, &properties::questions(), &Stopper::default(), None)?;
                let likeness = Likeness::new(properties::read(&answers), true, survey.major);
                let made = Made::create(maintenance, psql, self.url.database(), true, likeness)?;
                let url = self.url.with_database(made.name());
                (Place::Made(Box::new(made)), url, false)
            }
            Way::InPlace { clean } => (Place::InPlace { psql: psql.clone() }, self.url.clone(), clean),
        };
        // A database of its own needs no single transaction, and so no lock for each object until the end.
        let one_transaction = matches!(place, Place::InPlace { .. });
        if let (Reader::PgRestore { oldest }, true) = (reader, self.keep_going) {
            let tool = self.pg_restore(survey.major, oldest)?;
            let direct = Direct::start(&url, &tool, survey.major, self.no_owner, stop)?;
            return Ok(Running { pipeline: Pipeline::Direct(direct), place });
        }
        let policy = self.policy(&url, psql, one_transaction)?;
        let script = Script::new(Psql::start(&url, psql, one_transaction, stop)?, policy)?;
        let pipeline = match reader {
            Reader::Psql => Pipeline::Script(Box::new(script)),
            Reader::PgRestore { oldest } => {
                let tool = self.pg_restore(survey.major, oldest)?;
                let mut arguments = Vec::new();
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

    /// A newer pg_restore sets what an older server does not know.
    fn pg_restore(&self, major: u32, oldest: u32) -> Result<Tool, SourceError> {
        let suiting = self.tools.suiting("pg_restore", major.max(oldest));
        suiting.or_else(|_| self.tools.newest("pg_restore"))
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
