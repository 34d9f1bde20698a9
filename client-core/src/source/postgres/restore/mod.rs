//! Restores a dump into a database, completely or not at all.

mod archive_head;
mod clean_up;
mod continue_on_error;
mod failures;
mod locks;
mod new_database;
mod pipeline;
mod property_match;
mod psql;
mod target;
mod unpack;

pub(super) use self::clean_up::rows as left_over_rows;
use self::{
    archive_head::{ArchiveHead, Definitions},
    new_database::NewDatabase,
    pipeline::{Archive, Outcome, Pipeline, Script},
    property_match::PropertyMatch,
    psql::Unfinished,
    target::{Survey, Way, is_empty},
    unpack::Unpack,
};
pub(super) use self::{clean_up::clean_up, target::RestoreTarget};
use super::{optional, properties, tools::Tool};
use crate::{
    format::snapshot::DatabaseProperties,
    source::{
        RestoreSink, Restored, SourceError,
        completeness::{ENOUGH, Format, archive_version},
        script::{Policy, ScriptFilter},
        stopper::Stopper,
    },
    text,
    text::Text,
};

/// Takes a dump's bytes. An unfinished restore has no effect.
pub(super) struct DatabaseSink {
    unpack: Unpack,
    load: Load,
}

/// Takes a dump's decompressed content.
struct Load {
    target: RestoreTarget,
    head: Vec<u8>,
    /// Inspects an archive's definitions before anything is changed.
    waiting: Option<Waiting>,
    /// What earlier restores left on the server.
    left_over: Option<Text>,
    /// Whether code in the dump will run as a superuser.
    superuser: bool,
    /// How an existing database differs from the original.
    unlike: Option<Text>,
    running: Option<Running>,
    stop: Stopper,
}

/// An archive whose table of contents has not been read completely.
struct Waiting {
    definitions: ArchiveHead<Definitions>,
    /// Only if every lock is held until the end.
    listing: Option<ArchiveHead<String>>,
    plan: Plan,
}

/// How the dump gets into its database.
struct Plan {
    reader: Reader,
    psql: Tool,
    survey: Survey,
    policy: Policy,
}

/// Fields are dropped in this order: first the programs, then the database.
struct Running {
    pipeline: Pipeline,
    place: Place,
}

enum Place {
    New(Box<NewDatabase>),
    InPlace { psql: Tool },
}

impl DatabaseSink {
    /// Nothing happens before the first bytes: they determine which program is needed.
    #[must_use]
    pub(super) fn new(target: RestoreTarget) -> Self {
        let load = Load {
            target,
            head: Vec::new(),
            waiting: None,
            left_over: None,
            superuser: false,
            unlike: None,
            running: None,
            stop: Stopper::default(),
        };
        Self { unpack: Unpack::new(), load }
    }
}

impl RestoreSink for DatabaseSink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let Self { unpack, load } = self;
        unpack.push(bytes, &mut |content| load.write(content))
    }

    fn finish(self: Box<Self>) -> Result<Restored, SourceError> {
        let Self { mut unpack, mut load } = *self;
        unpack.finish(&mut |content| load.write(content))?;
        load.finish()
    }

    fn stopper(&self) -> Stopper {
        self.load.stop.clone()
    }
}

impl Load {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        if let Some(running) = &mut self.running {
            return running.pipeline.write(bytes);
        }
        self.head.extend_from_slice(bytes);
        match &mut self.waiting {
            Some(Waiting { definitions, listing, .. }) => {
                let defined = definitions.feed(bytes);
                let listed = listing.as_mut().is_none_or(|listing| listing.feed(bytes));
                if defined && listed { self.known() } else { Ok(()) }
            }
            None if self.head.len() < BEGINNING => Ok(()),
            None => self.start(),
        }
    }

    fn finish(mut self) -> Result<Restored, SourceError> {
        if self.running.is_none() && self.waiting.is_none() {
            self.start()?;
        }
        self.known()?;
        let superuser = self.superuser;
        match self.running.take() {
            Some(Running { pipeline, place: Place::New(new) }) => {
                let Outcome { failed, notes: more, left_out } =
                    pipeline.finish().map_err(|unfinished| unfinished.error)?;
                let mut notes = new.publish()?.notes;
                notes.extend(more.into_iter().chain(self.unlike.take()).chain(self.left_over.take()));
                Ok(Restored { notes, failed, left_out, superuser })
            }
            Some(Running { pipeline, place: Place::InPlace { psql } }) => match pipeline.finish() {
                Ok(Outcome { failed, notes, left_out }) => Ok(Restored {
                    notes: notes.into_iter().chain(self.unlike.take()).chain(self.left_over.take()).collect(),
                    failed,
                    left_out,
                    superuser,
                }),
                Err(unfinished) => self.target.after(&psql, unfinished),
            },
            None => Err(SourceError::Internal("nothing was started".into())),
        }
    }

    fn start(&mut self) -> Result<(), SourceError> {
        let reader = Reader::of(&self.head)?;
        self.target.refuse_source(&self.stop)?;
        // Checked before anything is changed.
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
        let survey = self.target.survey(&psql, lister.is_some(), &self.stop)?;
        let (reached, one_transaction) = match &survey.way {
            Way::Create(reached) | Way::Replace(reached) => (reached, false),
            // Filling a new database needs no single transaction, which holds a lock on each object until the end.
            Way::InPlace { .. } => (&self.target.url, true),
        };
        self.left_over = clean_up::found(reached, &psql, &self.stop);
        let policy = self.target.policy(reached, &psql, one_transaction, &self.stop)?;
        self.superuser = policy.target.as_ref().is_some_and(|target| target.superuser);
        let url = &self.target.url;
        let Some(tool) = lister else {
            if let Some(needs) = &self.target.choices.needs {
                policy.refuse_lacking(needs)?;
                if one_transaction {
                    let owners = if self.target.choices.no_owner { 0 } else { needs.owner_locks };
                    locks::refuse(self.target.place(), needs.locks.saturating_add(owners), survey.locks)?;
                }
            }
            // SQL text describes its database at its beginning.
            let mut filter = ScriptFilter::new(policy.clone());
            filter.push(&self.head, &mut Vec::new())?;
            let database = filter.database().cloned();
            return self.run(Plan { reader, psql, survey, policy }, database);
        };
        let definitions = archive_head::definitions(url, &tool, &policy, &self.stop)?;
        let listing = one_transaction.then(|| locks::listing(url, &tool, &self.stop)).transpose()?;
        let plan = Plan { reader, psql, survey, policy };
        let waiting = self.waiting.insert(Waiting { definitions, listing, plan });
        let defined = waiting.definitions.feed(&self.head);
        let listed = waiting.listing.as_mut().is_none_or(|listing| listing.feed(&self.head));
        if defined && listed { self.known() } else { Ok(()) }
    }

    /// The table of contents is as complete as it will ever be.
    fn known(&mut self) -> Result<(), SourceError> {
        let Some(Waiting { definitions, listing, plan }) = self.waiting.take() else { return Ok(()) };
        // Truncation or damage is reported by the restore itself.
        let database = definitions.end().transpose()?.flatten();
        if let Some(list) = listing.and_then(ArchiveHead::end) {
            locks::refuse(
                self.target.place(),
                locks::needed(&list, !self.target.choices.no_owner),
                plan.survey.locks,
            )?;
        }
        self.run(plan, database)
    }

    /// `database`: what the dump itself says about the database it was made from.
    fn run(&mut self, plan: Plan, database: Option<DatabaseProperties>) -> Result<(), SourceError> {
        let target = &mut self.target;
        target.choices.properties = target.choices.properties.take().or(database);
        if !matches!(plan.survey.way, Way::Create(_)) {
            self.unlike = target.unlike(&plan.psql, &self.stop);
        }
        let running = target.run(plan, &self.stop)?;
        let head = std::mem::take(&mut self.head);
        self.running.insert(running).pipeline.write(&head)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // An unexpected end, too, drops the programs before the database.
        drop(self.running.take());
    }
}

/// Bytes to wait for before anything is done: they contain what SQL text says about its database.
const BEGINNING: usize = 64 * 1024;
const _: () = assert!(BEGINNING >= ENOUGH);
/// A tar archive's version comes later: the newest program reads them all.
const ANY: u32 = u32::MAX;

/// The program that reads the dump.
#[derive(Clone, Copy)]
enum Reader {
    /// `oldest`: the first major version that supports this archive version.
    PgRestore {
        oldest: u32,
    },
    Psql,
}

impl Reader {
    fn of(head: &[u8]) -> Result<Self, SourceError> {
        // As much as a backup examines.
        let head = head.get(..ENOUGH).unwrap_or(head);
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
            Format::PgCluster => Err(SourceError::NotRestorable(text!(
                "it contains a whole server (pg_dumpall), not one database"
            ))),
            Format::Tar => Err(SourceError::NotRestorable(text!(
                "it is a tar of files; a dump in pg_dump's directory format is restored from its directory: unpack the file that --to makes with `tar -x`, then `pg_restore -d DATABASE DIRECTORY`. What `pg_dump -Ft` or `-Fc` writes goes into a database by --into"
            ))),
            Format::MySql => Err(SourceError::NotRestorable(text!("it is a dump of MySQL or MariaDB"))),
            other => Err(SourceError::NotRestorable(text!(
                "its format ({other}) is no PostgreSQL dump",
                other = other.as_str()
            ))),
        }
    }
}

impl RestoreTarget {
    fn unlike(&self, psql: &Tool, stop: &Stopper) -> Option<Text> {
        let original = self.choices.properties.as_ref()?;
        let answers = optional::ask(&self.url, psql, &properties::questions(), stop, None).ok()?;
        property_match::unlike(original, &properties::read(&answers)?)
    }

    fn run(&self, plan: Plan, stop: &Stopper) -> Result<Running, SourceError> {
        let Plan { reader, psql, survey, policy } = plan;
        let psql = &psql;
        let (place, url, clean) = match survey.way {
            Way::Create(maintenance) => {
                let mut property_match = PropertyMatch::new(self.choices.properties.clone(), survey.major);
                if self.choices.no_owner {
                    property_match = property_match.without_roles();
                }
                if self.choices.no_privileges {
                    property_match = property_match.without_grants();
                }
                let new =
                    NewDatabase::create(maintenance, psql, self.url.database(), false, property_match, stop)?;
                let url = self.url.with_database(new.name());
                (Place::New(Box::new(new)), url, false)
            }
            Way::Replace(maintenance) => {
                // The existing database's settings stay, whoever made the dump.
                let answers = optional::ask(&self.url, psql, &properties::questions(), stop, None)?;
                let property_match = PropertyMatch::new(properties::read(&answers), survey.major);
                let new =
                    NewDatabase::create(maintenance, psql, self.url.database(), true, property_match, stop)?;
                let url = self.url.with_database(new.name());
                (Place::New(Box::new(new)), url, false)
            }
            Way::InPlace { clean } => (Place::InPlace { psql: psql.clone() }, self.url.clone(), clean),
        };
        let script = Script::start(&url, psql, policy, stop)?;
        let pipeline = match reader {
            Reader::Psql => Pipeline::Script(Box::new(script)),
            Reader::PgRestore { oldest } => {
                let tool = self.pg_restore(survey.major, oldest)?;
                let mut arguments = Vec::new();
                if clean {
                    arguments.extend(["--clean", "--if-exists"]);
                }
                if self.choices.no_owner {
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

    /// After an error of a restore in one transaction: once the commit was sent, only the database can tell whether it
    /// succeeded.
    fn after(&self, psql: &Tool, unfinished: Unfinished) -> Result<Restored, SourceError> {
        if !unfinished.committing {
            return Err(unfinished.error);
        }
        match is_empty(&self.url, psql) {
            Ok(true) => Err(unfinished.error),
            Ok(false) if !self.choices.overwrite => Ok(Restored::default()),
            _ => Err(SourceError::Uncertain { place: self.place(), detail: unfinished.error.text() }),
        }
    }
}
