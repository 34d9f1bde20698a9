//! A dump goes back into a database: in one transaction, so that it is there whole or not at all.

use std::{
    io::{ErrorKind, Write},
    process::{ChildStdin, Stdio},
};

use super::{
    PgUrl,
    psql::{ask, quote_name, quote_text},
    tools::{Tool, Tools},
};
use crate::source::{
    SourceError,
    process::{Process, Started},
    sentinel::{ENOUGH, Format, archive_version},
};

/// Objects of the database that did not come with it or with an extension.
const COUNT: &str = "
SET search_path = pg_catalog;
SELECT (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                              AND d.objid = c.oid AND d.deptype = 'e'))
     + (SELECT count(*) FROM pg_largeobject_metadata),
       current_setting('server_version_num');
";

/// Which database takes a dump.
#[derive(Debug, Clone)]
pub struct RestoreTarget {
    url: PgUrl,
    overwrite: bool,
    no_owner: bool,
    source: Option<String>,
    tools: Tools,
}

impl RestoreTarget {
    /// The database of a URL; it is made when it does not exist. With `overwrite` one that is not empty is
    /// taken too: objects of the dump replace those of the same name.
    ///
    /// # Errors
    /// [`SourceError::Usage`].
    pub fn new(url: &str, overwrite: bool) -> Result<Self, SourceError> {
        let url = PgUrl::parse(url)?;
        Ok(Self { url, overwrite, no_owner: false, source: None, tools: Tools::installed() })
    }

    /// Everything will belong to the restoring user instead of its old owner, and nobody gets rights on it.
    #[must_use]
    pub const fn without_owners(mut self) -> Self {
        self.no_owner = true;
        self
    }

    /// Refuses the database that the dump was made of. `detail` is [`super::Complete::detail`].
    #[must_use]
    pub fn refusing_source(mut self, detail: &str) -> Self {
        self.source = Some(detail.split(" (PostgreSQL ").next().unwrap_or(detail).to_owned());
        self
    }

    /// With other programs.
    #[must_use]
    pub fn with_tools(mut self, tools: Tools) -> Self {
        self.tools = tools;
        self
    }

    /// `host:port/database`
    #[must_use]
    pub fn place(&self) -> String {
        self.url.place()
    }
}

/// Takes a dump's bytes. What was not finished is rolled back, and a database made for it goes again.
pub struct DatabaseSink {
    target: RestoreTarget,
    head: Vec<u8>,
    running: Option<Running>,
}

struct Running {
    process: Process,
    stdin: Option<ChildStdin>,
    tool: String,
    /// Made for this restore: psql and the maintenance connection to drop it again.
    made: Option<(Tool, PgUrl)>,
    database: String,
    done: bool,
}

/// What the target is like.
struct Prepared {
    major: u32,
    made: Option<(Tool, PgUrl)>,
}

impl DatabaseSink {
    /// Nothing happens before the first bytes: they say which program is needed.
    #[must_use]
    pub const fn new(target: RestoreTarget) -> Self {
        Self { target, head: Vec::new(), running: None }
    }

    /// The next bytes of the dump.
    ///
    /// # Errors
    /// [`SourceError`]; the database is as it was.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        if let Some(running) = &mut self.running {
            return running.write(bytes);
        }
        self.head.extend_from_slice(bytes);
        if self.head.len() < ENOUGH { Ok(()) } else { self.start() }
    }

    /// After the last byte: commits.
    ///
    /// # Errors
    /// [`SourceError::RestoreFailed`]; the database is as it was.
    pub fn finish(mut self) -> Result<(), SourceError> {
        if self.running.is_none() {
            self.start()?;
        }
        match self.running.take() {
            Some(mut running) => running.finish(),
            None => Err(SourceError::Internal("nothing was started".into())),
        }
    }

    fn start(&mut self) -> Result<(), SourceError> {
        let head = std::mem::take(&mut self.head);
        let reader = Reader::of(&head)?;
        if self.target.source.as_deref() == Some(self.target.place().as_str()) {
            return Err(SourceError::SameAsSource(self.target.place()));
        }
        // Found before anything is changed.
        let psql = self.target.tools.newest("psql")?;
        let oldest = match reader {
            Reader::PgRestore { oldest } => self.target.tools.suiting("pg_restore", oldest)?.major,
            Reader::Psql => 0,
        };
        let prepared = self.target.prepare(&psql)?;
        let running = self.target.run(reader, &psql, oldest, prepared)?;
        self.running.insert(running).write(&head)
    }
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
    /// Makes the database, or looks whether it is empty.
    fn prepare(&self, psql: &Tool) -> Result<Prepared, SourceError> {
        match ask(&self.url, psql, COUNT) {
            Ok(rows) => {
                let (count, major) = counted(&rows)?;
                if count > 0 && !self.overwrite {
                    return Err(SourceError::NotEmpty(self.place()));
                }
                Ok(Prepared { major, made: None })
            }
            Err(refused) => self.make(psql, refused),
        }
    }

    /// Makes the database, unless it exists and `refused` had another reason.
    fn make(&self, psql: &Tool, refused: SourceError) -> Result<Prepared, SourceError> {
        let maintenance = self.url.with_database("postgres");
        let name = self.url.database();
        let exists = format!(
            "SELECT count(*), current_setting('server_version_num') FROM pg_catalog.pg_database WHERE datname = {};",
            quote_text(name)
        );
        let Ok(rows) = ask(&maintenance, psql, &exists) else { return Err(refused) };
        let (count, major) = counted(&rows)?;
        if count > 0 {
            return Err(refused);
        }
        let create = format!("CREATE DATABASE {} TEMPLATE template0;", quote_name(name));
        ask(&maintenance, psql, &create).map_err(|error| match error {
            SourceError::Unreachable { detail, .. } | SourceError::Refused { detail, .. } => {
                SourceError::RestoreFailed {
                    tool: format!("psql {}", psql.version),
                    how: "creating the database".into(),
                    detail,
                }
            }
            other => other,
        })?;
        Ok(Prepared { major, made: Some((psql.clone(), maintenance)) })
    }

    fn run(
        &self,
        reader: Reader,
        psql: &Tool,
        oldest: u32,
        prepared: Prepared,
    ) -> Result<Running, SourceError> {
        let (tool, arguments) = match reader {
            Reader::Psql => (
                psql.clone(),
                vec![
                    "-X",
                    "-q",
                    "-w",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "--single-transaction",
                    "-o",
                    "/dev/null",
                    "-f",
                    "-",
                ],
            ),
            Reader::PgRestore { .. } => {
                // A newer pg_restore sets what an older server does not know.
                let suiting = self.tools.suiting("pg_restore", prepared.major.max(oldest));
                let tool = suiting.or_else(|_| self.tools.newest("pg_restore"))?;
                let mut arguments = vec!["--single-transaction", "--exit-on-error", "--no-password"];
                if self.overwrite {
                    arguments.extend(["--clean", "--if-exists"]);
                }
                if self.no_owner {
                    arguments.extend(["--no-owner", "--no-privileges"]);
                }
                (tool, arguments)
            }
        };
        let mut command = self.url.command(&tool.path);
        command.args(arguments);
        if matches!(reader, Reader::PgRestore { .. }) {
            // Without a name it would print SQL. An empty connection string takes everything from the environment.
            command.args(["--dbname", ""]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let Started { process, stdin, .. } = Process::start(command, self.url.secrets())
            .map_err(|e| SourceError::Internal(format!("{}: {e}", tool.path.display())))?;
        let program = if matches!(reader, Reader::Psql) { "psql" } else { "pg_restore" };
        Ok(Running {
            process,
            stdin,
            tool: format!("{program} {}", tool.version),
            made: prepared.made,
            database: self.url.database().to_owned(),
            done: false,
        })
    }
}

fn counted(rows: &[Vec<String>]) -> Result<(u64, u32), SourceError> {
    let odd = || SourceError::Internal("psql answered something unexpected".into());
    match rows {
        [row] => match row.as_slice() {
            [count, version] => Ok((
                count.trim().parse().map_err(|_| odd())?,
                version.trim().parse::<u32>().map_err(|_| odd())? / 10_000,
            )),
            _ => Err(odd()),
        },
        _ => Err(odd()),
    }
}

impl Running {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let Some(stdin) = &mut self.stdin else {
            return Err(SourceError::Internal("the restore program was closed".into()));
        };
        match stdin.write_all(bytes) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(self.failed()),
            Err(e) => Err(SourceError::Internal(format!("{}: {e}", self.tool))),
        }
    }

    fn finish(&mut self) -> Result<(), SourceError> {
        drop(self.stdin.take());
        let ended = self.process.wait().map_err(|e| SourceError::Internal(format!("{}: {e}", self.tool)))?;
        if !ended.status.success() {
            return Err(SourceError::RestoreFailed {
                tool: self.tool.clone(),
                how: ended.how(),
                detail: ended.detail(),
            });
        }
        self.done = true;
        Ok(())
    }

    /// The program went away in the middle.
    fn failed(&mut self) -> SourceError {
        match self.finish() {
            Err(error) => error,
            Ok(()) => SourceError::RestoreFailed {
                tool: self.tool.clone(),
                how: "it ended early".into(),
                detail: "it did not read the whole dump".into(),
            },
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        // Before its input is closed: at the end of its input psql would commit.
        self.process.end();
        drop(self.stdin.take());
        if let Some((psql, maintenance)) = &self.made {
            let sql = format!("DROP DATABASE IF EXISTS {};", quote_name(&self.database));
            if let Err(error) = ask(maintenance, psql, &sql) {
                tracing::warn!(%error, "the database made for a restore could not be dropped");
            }
        }
    }
}
