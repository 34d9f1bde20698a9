//! A database created for a restore: filled under a temporary name, and renamed to the final one only when it is
//! complete.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::{
    super::{
        PgUrl,
        answers::question,
        psql::{self, Waiting, quote_name, quote_text},
        refusal::{is_busy, is_taken, server_message, unexpected_answer},
        session::Session,
        tools::Tool,
    },
    property_match::PropertyMatch,
};
use crate::{
    source::{SourceError, stopper::Stopper},
    text,
    text::Text,
};

/// Prefix of a database that is being filled, or whose restore was killed.
pub(super) const RESTORING: &str = "sealkeep_restoring_";
/// Prefix of the database that a finished restore replaced, about to be dropped.
pub(super) const REPLACED: &str = "sealkeep_replaced_";
/// First key of the advisory lock that a running restore holds ("SEAL"); the second is in the database's name.
pub(super) const LOCK: i32 = 0x5345_414c;
/// Run before [`DROP`], which refuses templates.
pub(super) fn no_template(name: &str) -> String {
    format!(
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = {} AND datistemplate) THEN
           ALTER DATABASE {} IS_TEMPLATE false; END IF; END $$; ",
        quote_text(name),
        quote_name(name)
    )
}
/// Ends this role's sessions in a database of ours before [`DROP`] or a rename: a pooler keeps them open for the next
/// client.
pub(super) fn no_sessions(name: &str) -> String {
    format!(
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
          WHERE datname = {} AND usename = current_user AND pid <> pg_catalog.pg_backend_pid();\n",
        quote_text(name)
    )
}
/// A server cannot drop a database while any session waits for the rest of a COPY or locks its list of databases: do
/// not wait for that forever. The next attempt drops what this one could not.
pub(super) const DROP: &str =
    "SET lock_timeout = '5s'; SET statement_timeout = '30s'; DROP DATABASE IF EXISTS";
/// How long another session may block a rename.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(10);
/// How long a server may take to say whether it has a database.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

/// A database created for a restore. It is dropped again unless [`NewDatabase::publish`] succeeds.
pub(super) struct NewDatabase {
    /// Holds the lock that shows that this restore is alive, and does nothing else: a failed statement would end it.
    alive: Session,
    maintenance: PgUrl,
    psql: Tool,
    /// Its temporary name.
    name: String,
    /// Eight hexadecimal digits that identify this restore.
    tag: String,
    wanted: String,
    replaces: bool,
    property_match: PropertyMatch,
    stopper: Stopper,
    published: bool,
}

/// Another session.
#[derive(Deserialize)]
struct OtherSession {
    name: String,
}

/// Whether a server has a database of this name.
pub(super) fn exists(
    maintenance: &PgUrl,
    psql: &Tool,
    name: &str,
    waiting: Waiting<'_>,
) -> Result<bool, SourceError> {
    let rows = format!("SELECT 1 AS one FROM pg_database WHERE datname = {}", quote_text(name));
    Ok(!psql::ask(maintenance, psql, &question("there", &rows), waiting)?.is_empty())
}

/// A database under its final name, and what to report about it.
pub(super) struct Published {
    pub(super) notes: Vec<Text>,
}

impl NewDatabase {
    /// Creates it, like `property_match`. The lock is acquired first.
    pub(super) fn create(
        maintenance: PgUrl,
        psql: &Tool,
        wanted: &str,
        replaces: bool,
        property_match: PropertyMatch,
        stopper: &Stopper,
    ) -> Result<Self, SourceError> {
        let mut alive = Session::open(&maintenance, psql, stopper)?;
        let tag: String = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect();
        alive.execute(&format!("SELECT pg_catalog.pg_advisory_lock({LOCK}, ('x{tag}')::bit(32)::int);"))?;
        let mut made = Self {
            alive,
            maintenance,
            psql: psql.clone(),
            name: format!("{RESTORING}{tag}"),
            tag,
            wanted: wanted.to_owned(),
            replaces,
            property_match,
            stopper: stopper.clone(),
            published: false,
        };
        if replaces {
            made.refuse_if_in_use()?;
        }
        made.create_like()?;
        let note =
            quote_text(&format!("being restored by sealkeep; it becomes {wanted} when it is complete"));
        made.execute(&format!("COMMENT ON DATABASE {} IS {note};", quote_name(&made.name)))
            .map_err(|error| made.failed(text!("creating the database"), error))?;
        Ok(made)
    }

    /// Creates it as much like the original as the server can.
    fn create_like(&mut self) -> Result<(), SourceError> {
        let mut first = None;
        for like in self.property_match.clauses() {
            let sql =
                format!("CREATE DATABASE {} TEMPLATE template0{};", quote_name(&self.name), like.clause);
            match self.execute(&sql) {
                Ok(_) => {
                    if let (Some(why), Some(loss)) = (&first, like.loss) {
                        self.property_match.note(text!("{loss}: {why}", loss, why = server_message(why)));
                    }
                    return Ok(());
                }
                Err(SourceError::Cancelled) => return Err(SourceError::Cancelled),
                // The first error is about the original's own properties.
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(self.failed(text!("creating the database"), first.unwrap_or_else(unexpected_answer)))
    }

    /// Its temporary name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn execute(&self, sql: &str) -> Result<(), SourceError> {
        psql::execute(&self.maintenance, &self.psql, sql, Waiting::patient(&self.stopper))
    }

    /// Sets its properties and renames it, together with the one that it replaces, which is dropped afterwards. It can
    /// be stopped until the rename.
    pub(super) fn publish(mut self) -> Result<Published, SourceError> {
        // Without the lock, others may consider this restore dead.
        self.alive.execute("SELECT 1;")?;
        let mut notes = self.property_match.apply(&self.name, &|sql| self.execute(sql));
        let (name, wanted) = (quote_name(&self.name), quote_name(&self.wanted));
        let old = format!("{REPLACED}{}", self.tag);
        let away = if self.replaces {
            format!("ALTER DATABASE {wanted} RENAME TO {};\n", quote_name(&old))
        } else {
            String::new()
        };
        let comment = self.property_match.comment().map_or_else(|| "NULL".to_owned(), quote_text);
        let rename = format!(
            "{}BEGIN;\nCOMMENT ON DATABASE {name} IS {comment};\n{away}ALTER DATABASE {name} RENAME TO {wanted};\nCOMMIT;",
            no_sessions(&self.name)
        );
        let until = Instant::now() + WAIT_FOR_OTHERS;
        while let Err(error) = self.execute(&rename) {
            match self.is_there() {
                // The answer was lost, not the commit.
                Ok(false) => break,
                Ok(true) => {}
                Err(_) => {
                    let place = self.maintenance.with_database(&self.wanted).place();
                    return Err(SourceError::Uncertain {
                        place,
                        detail: Text::verbatim(server_message(&error)),
                    });
                }
            }
            if !self.replaces && is_taken(&error) {
                return Err(SourceError::Taken(self.wanted.clone()));
            }
            if !is_busy(&error) {
                return Err(self.failed(text!("naming the restored database"), error));
            }
            if Instant::now() > until {
                self.refuse_if_in_use()?;
                return Err(self.failed(text!("naming the restored database"), error));
            }
            thread::sleep(Duration::from_millis(500));
        }
        self.published = true;
        // Too late for a stop.
        drop(self.stopper.begin_commit());
        if self.replaces
            && self.execute(&format!("{}{DROP} {};", no_template(&old), quote_name(&old))).is_err()
        {
            notes.push(text!(
                "the replaced database still exists as {old}; `sealkeep restore --clean-up URL` drops it",
                old
            ));
        }
        Ok(Published { notes })
    }

    /// Asked even after a stop, with a short time limit.
    fn is_there(&self) -> Result<bool, SourceError> {
        let waiting = Waiting { stopper: &Stopper::default(), at_most: Some(QUERY_TIMEOUT) };
        exists(&self.maintenance, &self.psql, &self.name, waiting)
    }

    /// Refuses to replace a database that is in use, or whose loss would affect more than its contents.
    fn refuse_if_in_use(&self) -> Result<(), SourceError> {
        let wanted = quote_text(&self.wanted);
        let query = question(
            "company",
            &format!(
                "SELECT 'process ' || pid || ' of ' || coalesce(usename::text, '?')
                        || coalesce(' (' || nullif(application_name, '') || ')', '') AS name
                   FROM pg_stat_activity WHERE datname = {wanted} AND backend_type = 'client backend'
                 UNION ALL
                 SELECT 'prepared transaction ' || quote_literal(gid) || ' of ' || owner
                   FROM pg_prepared_xacts WHERE database = {wanted}
                 UNION ALL
                 SELECT 'logical replication slot ' || slot_name FROM pg_replication_slots
                  WHERE database = {wanted} AND NOT temporary
                 UNION ALL
                 SELECT 'subscription ' || subname FROM pg_subscription
                  WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = {wanted})
                 LIMIT 5"
            ),
        );
        let sessions = psql::ask(&self.maintenance, &self.psql, &query, Waiting::patient(&self.stopper))?
            .rows::<OtherSession>("company");
        if sessions.is_empty() {
            return Ok(());
        }
        let who: Vec<String> = sessions.into_iter().map(|OtherSession { name }| name).collect();
        Err(SourceError::InUse { database: self.wanted.clone(), who: who.join(", ") })
    }

    fn failed(&self, how: Text, error: SourceError) -> SourceError {
        match error {
            SourceError::Unreachable { detail, .. }
            | SourceError::Refused { detail, .. }
            | SourceError::QueryFailed { detail, .. }
            | SourceError::NoDatabase { detail, .. } => {
                SourceError::RestoreFailed { tool: format!("psql {}", self.psql.version), how, detail }
            }
            other => other,
        }
    }
}

impl Drop for NewDatabase {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        // A session that locks the list of databases prevents both dropping one and finding out whether it was
        // created.
        match self.is_there() {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => {
                tracing::warn!(%error, "could not determine whether a database was created for a restore");
                return;
            }
        }
        // The server may need a moment to notice that the session that filled it is gone.
        let (sessions, template) = (no_sessions(&self.name), no_template(&self.name));
        let sql = format!("{sessions}{template}{DROP} {};", quote_name(&self.name));
        let until = Instant::now() + WAIT_FOR_OTHERS;
        let nobody = Stopper::default();
        while let Err(error) = psql::execute(&self.maintenance, &self.psql, &sql, Waiting::patient(&nobody)) {
            if !is_busy(&error) || Instant::now() > until {
                tracing::warn!(%error, "the database created for a restore could not be dropped");
                return;
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}
