//! A database that is created for a restore: filled under a name of its own, and under the wanted one only when it
//! is whole.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::super::{
    PgUrl,
    psql::{quote_name, quote_text},
    session::Session,
    tools::Tool,
};
use crate::source::SourceError;

/// A database that is still filled, or whose restore ended without a word.
pub(super) const RESTORING: &str = "sealkeep_restoring_";
/// The database that a finished restore replaced, on its way out.
pub(super) const REPLACED: &str = "sealkeep_replaced_";
/// First key of the advisory lock that a restore holds while it lives ("SEAL"); the second is in the database's name.
pub(super) const LOCK: i32 = 0x5345_414c;
/// How long somebody's session may stand in the way of a rename.
const PATIENCE: Duration = Duration::from_secs(10);

/// A database created for a restore. Dropped before [`Made::publish`], it goes again.
pub(super) struct Made {
    session: Option<Session>,
    maintenance: PgUrl,
    psql: Tool,
    /// Its name while it is filled.
    name: String,
    /// Eight hexadecimal digits that this restore is told by.
    tag: String,
    wanted: String,
    replaces: bool,
    published: bool,
}

impl Made {
    /// Creates it. The lock that says that this restore lives is held from before.
    pub(super) fn create(
        maintenance: PgUrl,
        psql: &Tool,
        wanted: &str,
        replaces: bool,
        like: &str,
    ) -> Result<Self, SourceError> {
        let mut session = Session::open(&maintenance, psql)?;
        let tag: String = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect();
        session.ask(&format!("SELECT pg_catalog.pg_advisory_lock({LOCK}, ('x{tag}')::bit(32)::int);"))?;
        let made = Self {
            session: Some(session),
            maintenance,
            psql: psql.clone(),
            name: format!("{RESTORING}{tag}"),
            tag,
            wanted: wanted.to_owned(),
            replaces,
            published: false,
        };
        let mut made = made;
        if replaces {
            made.refuse_company()?;
        }
        let name = quote_name(&made.name);
        made.ask(&format!("CREATE DATABASE {name} TEMPLATE template0{like};"))
            .map_err(|error| made.failed("creating the database", error))?;
        let note = quote_text(&format!("being restored by sealkeep; it becomes {wanted} when it is whole"));
        made.ask(&format!("COMMENT ON DATABASE {name} IS {note};"))
            .map_err(|error| made.failed("creating the database", error))?;
        Ok(made)
    }

    /// Its name while it is filled.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn ask(&mut self, sql: &str) -> Result<Vec<Vec<String>>, SourceError> {
        match &mut self.session {
            Some(session) => session.ask(sql),
            None => Err(SourceError::Internal("the session with the database server is over".into())),
        }
    }

    /// Gives it its name, in one transaction with what goes with it. The one that it replaces is dropped after that.
    pub(super) fn publish(mut self, properties: &str) -> Result<Option<String>, SourceError> {
        let (name, wanted) = (quote_name(&self.name), quote_name(&self.wanted));
        let old = format!("{REPLACED}{}", self.tag);
        let away = if self.replaces {
            format!("ALTER DATABASE {wanted} RENAME TO {};\n", quote_name(&old))
        } else {
            String::new()
        };
        let until = Instant::now() + PATIENCE;
        loop {
            let renamed = self.ask(&format!(
                "BEGIN;\nCOMMENT ON DATABASE {name} IS NULL;\n{properties}{away}ALTER DATABASE {name} RENAME TO {wanted};\nCOMMIT;"
            ));
            let Err(error) = renamed else { break };
            // The session is over with its first error; the lock goes with it, for a moment.
            self.session = Some(Session::open(&self.maintenance, &self.psql)?);
            let lock =
                format!("SELECT pg_catalog.pg_advisory_lock({LOCK}, ('x{}')::bit(32)::int);", self.tag);
            self.ask(&lock)?;
            if !self.is_there()? {
                // The answer got lost, not the commit.
                break;
            }
            if !error.to_string().contains("is being accessed by other users") {
                return Err(self.failed("naming the restored database", error));
            }
            if Instant::now() > until {
                self.refuse_company()?;
                return Err(self.failed("naming the restored database", error));
            }
            thread::sleep(Duration::from_millis(500));
        }
        self.published = true;
        if !self.replaces {
            return Ok(None);
        }
        let gone = self.ask(&format!("DROP DATABASE IF EXISTS {};", quote_name(&old)));
        Ok(gone.is_err().then_some(old))
    }

    fn is_there(&mut self) -> Result<bool, SourceError> {
        let name = quote_text(&self.name);
        Ok(!self.ask(&format!("SELECT 1 FROM pg_catalog.pg_database WHERE datname = {name};"))?.is_empty())
    }

    /// A database that somebody uses is not replaced.
    fn refuse_company(&mut self) -> Result<(), SourceError> {
        let company = self.ask(&format!(
            "SELECT pid, coalesce(usename::text, '?'), coalesce(application_name, '') FROM pg_catalog.pg_stat_activity
              WHERE datname = {} AND backend_type = 'client backend';",
            quote_text(&self.wanted)
        ))?;
        if company.is_empty() {
            return Ok(());
        }
        let who: Vec<String> = company
            .iter()
            .take(5)
            .map(|row| match row.as_slice() {
                [pid, user, application] if !application.is_empty() => {
                    format!("process {pid} of {user} ({application})")
                }
                [pid, user, ..] => format!("process {pid} of {user}"),
                _ => "somebody".into(),
            })
            .collect();
        Err(SourceError::InUse { database: self.wanted.clone(), who: who.join(", ") })
    }

    fn failed(&self, what: &str, error: SourceError) -> SourceError {
        match error {
            SourceError::Unreachable { detail, .. }
            | SourceError::Refused { detail, .. }
            | SourceError::NoDatabase { detail, .. } => SourceError::RestoreFailed {
                tool: format!("psql {}", self.psql.version),
                how: what.into(),
                detail,
            },
            other => other,
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        // The server may need a moment to see that the session that filled it is gone.
        let sql = format!("DROP DATABASE IF EXISTS {};", quote_name(&self.name));
        let until = Instant::now() + PATIENCE;
        loop {
            let dropped = match &mut self.session {
                Some(session) => session.ask(&sql).map(drop),
                None => super::super::psql::ask(&self.maintenance, &self.psql, &sql).map(drop),
            };
            let Err(error) = dropped else { return };
            self.session = None;
            let busy = error.to_string().contains("is being accessed by other users");
            if !busy || Instant::now() > until {
                tracing::warn!(%error, "the database created for a restore could not be dropped");
                return;
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}
