//! The database that a dump is restored into, and its state before anything is changed.

use serde::Deserialize;

use super::{
    super::{
        INSPECT_TIMEOUT, PgUrl,
        answers::question,
        identify, optional, pooler,
        psql::{Waiting, ask},
        refusal::unexpected_answer,
        tools::{Tool, Tools},
    },
    new_database::exists,
};
use crate::{
    source::{
        Finding, RestoreChoices, SourceError,
        script::{Policy, Target},
        stopper::Stopper,
    },
    text,
};

/// What the database contains that did not come with it or with an extension, and what the user may do.
fn state() -> String {
    question(
        "state",
        "WITH own AS (SELECT oid FROM pg_namespace n
                       WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'),
              extended AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
         SELECT (SELECT count(*) FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM own)
                    AND ('pg_class'::regclass::oid, c.oid) NOT IN (SELECT classid, objid FROM extended))
              + (SELECT count(*) FROM pg_proc p WHERE p.pronamespace IN (SELECT oid FROM own)
                    AND ('pg_proc'::regclass::oid, p.oid) NOT IN (SELECT classid, objid FROM extended))
              + (SELECT count(*) FROM pg_type t WHERE t.typnamespace IN (SELECT oid FROM own)
                    AND t.typtype IN ('e', 'd', 'r')
                    AND ('pg_type'::regclass::oid, t.oid) NOT IN (SELECT classid, objid FROM extended))
              + (SELECT count(*) FROM pg_largeobject_metadata)
              + (SELECT count(*) FROM (
                   SELECT 'pg_namespace'::regclass::oid, oid FROM own
                   UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension
                   UNION ALL SELECT 'pg_language'::regclass, oid FROM pg_language
                   UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
                   UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
                   UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation
                   UNION ALL SELECT 'pg_conversion'::regclass, oid FROM pg_conversion
                   UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config
                   UNION ALL SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict
                   UNION ALL SELECT 'pg_publication'::regclass, oid FROM pg_publication
                   UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
                   UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
                   UNION ALL SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
                   UNION ALL SELECT 'pg_default_acl'::regclass, oid FROM pg_default_acl) made (class, oid)
                  -- Objects created by initdb have lower numbers; `public` may have been recreated.
                  WHERE oid >= 16384 AND NOT (class = 'pg_namespace'::regclass AND oid = to_regnamespace('public'))
                    AND (class, oid) NOT IN (SELECT classid, objid FROM extended)) AS objects,
                current_setting('server_version_num')::int / 10000 AS major,
                coalesce((SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user), false)
                  AND (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database())
                  AS may_replace,
                current_setting('max_locks_per_transaction')::bigint AS per_transaction,
                current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint
                  + current_setting('autovacuum_max_workers')::bigint + 1
                  + current_setting('max_worker_processes')::bigint + current_setting('max_wal_senders')::bigint
                  AS holders,
                (SELECT count(*) FROM pg_locks) AS used,
                (SELECT datistemplate FROM pg_database WHERE datname = current_database()) AS is_template",
    )
}

/// What the server has of what a script may need.
fn has() -> [String; 5] {
    [
        question("role", "SELECT rolname AS name FROM pg_roles"),
        question("setting", "SELECT lower(name) AS name FROM pg_settings"),
        question("extension", "SELECT name FROM pg_available_extensions"),
        question("tablespace", "SELECT spcname AS name FROM pg_tablespace"),
        question("rights", "SELECT rolsuper AS superuser FROM pg_roles WHERE rolname = current_user"),
    ]
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Rights {
    superuser: bool,
}

/// The database to restore into; it is created if it does not exist.
#[derive(Debug, Clone)]
pub(in super::super) struct RestoreTarget {
    pub(super) url: PgUrl,
    pub(super) tools: Tools,
    /// How to restore the dump into it.
    pub(super) choices: RestoreChoices,
}

impl RestoreTarget {
    /// Uses these programs.
    #[must_use]
    pub(in super::super) const fn new(url: PgUrl, tools: Tools, choices: RestoreChoices) -> Self {
        Self { url, tools, choices }
    }

    /// `host:port/database`
    #[must_use]
    pub(super) fn place(&self) -> String {
        self.url.place()
    }

    /// Compares the database itself, however its address is written.
    pub(super) fn refuse_source(&self, stopper: &Stopper) -> Result<(), SourceError> {
        let Some(guard) = &self.choices.guard else { return Ok(()) };
        let found = match identify(&self.url, &self.tools, stopper) {
            Ok(found) => found,
            // A nonexistent database is not the source. Other errors will come up again later.
            Err(SourceError::NoDatabase { .. }) => return Ok(()),
            Err(SourceError::Cancelled) => return Err(SourceError::Cancelled),
            // The same from a server that answers in another language.
            Err(SourceError::Refused { .. }) if self.is_absent(stopper) => return Ok(()),
            Err(_) => None,
        };
        guard.check(found.as_ref(), &self.place())
    }

    fn is_absent(&self, stopper: &Stopper) -> bool {
        if !self.url.is_named_in_text() {
            return false;
        }
        let Ok(psql) = self.tools.newest("psql") else { return false };
        let Ok((maintenance, _)) = self.maintenance(&psql, stopper) else { return false };
        let there = exists(&maintenance, &psql, self.url.database(), Waiting::patient(stopper));
        matches!(there, Ok(false))
    }

    /// What a script may do on the server that `url` leads to.
    pub(super) fn policy(
        &self,
        url: &PgUrl,
        psql: &Tool,
        one_transaction: bool,
        stopper: &Stopper,
    ) -> Result<Policy, SourceError> {
        let answers = optional::ask(url, psql, &has(), stopper, None)?;
        let names = |tag: &str| answers.rows::<Name>(tag).into_iter().map(|row| row.name).collect();
        let superuser = answers.row::<Rights>("rights").ok_or_else(unexpected_answer)?.superuser;
        Ok(Policy {
            no_owner: self.choices.no_owner,
            no_privileges: self.choices.no_privileges,
            skip_missing: self.choices.skip_missing,
            one_transaction,
            keep_going: self.choices.keep_going,
            guard_settings: true,
            target: Some(Target {
                roles: names("role"),
                settings: names("setting"),
                extensions: names("extension"),
                tablespaces: names("tablespace"),
                superuser,
            }),
        })
    }

    /// Decides how the dump gets in. Changes nothing.
    pub(super) fn survey(
        &mut self,
        psql: &Tool,
        archive: bool,
        stopper: &Stopper,
    ) -> Result<Survey, SourceError> {
        self.refuse_reserved(false)?;
        self.url = pooler::refuse(&self.url, psql, stopper)?;
        let state = match State::ask(&self.url, psql, Waiting::patient(stopper)) {
            Ok(state) => state,
            Err(SourceError::Cancelled) => return Err(SourceError::Cancelled),
            Err(refused) => return self.absent(psql, refused, stopper),
        };
        self.refuse_reserved(state.is_template)?;
        if state.objects > 0 && !self.choices.overwrite {
            return Err(SourceError::NotEmpty(self.place()));
        }
        let way = if state.objects == 0 && !self.choices.keep_going {
            Way::InPlace { clean: false }
        } else if !self.url.is_named_in_text() {
            return Err(self.unnamed());
        } else if state.may_replace {
            Way::Replace(self.maintenance(psql, stopper)?.0)
        } else if self.choices.keep_going {
            return Err(SourceError::NotReplaceable {
                place: self.place(),
                why: text!("--continue restores into a database created for it; the user may not create one"),
            });
        } else if archive {
            Way::InPlace { clean: true }
        } else {
            return Err(SourceError::NotReplaceable {
                place: self.place(),
                why: text!(
                    "SQL text replaces a database as a whole; the user may not create one in its place"
                ),
            });
        };
        let State { major, per_transaction, holders, used, .. } = state;
        Ok(Survey { major, locks: Locks { per_transaction, holders, used }, way })
    }

    /// What a restore would find. Whether the server has what the dump needs is known only from the dump.
    pub(in super::super) fn look(mut self, stopper: &Stopper) -> Result<Finding, SourceError> {
        self.refuse_source(stopper)?;
        let psql = self.tools.newest("psql")?;
        Ok(match self.survey(&psql, true, stopper)?.way {
            Way::Create(_) => Finding::Absent,
            Way::InPlace { clean: false } => Finding::Empty,
            Way::Replace(_) | Way::InPlace { clean: true } => Finding::Replaced,
        })
    }

    fn unnamed(&self) -> SourceError {
        SourceError::NotReplaceable {
            place: self.place(),
            why: text!("its name is not UTF-8, and only an empty database of such a name is restored into"),
        }
    }

    /// Everything in a template is copied into databases created later; programs connect to the maintenance database.
    fn refuse_reserved(&self, is_template: bool) -> Result<(), SourceError> {
        let (what, allowed) = match self.url.database() {
            "template0" | "template1" => {
                (text!("a template of new databases, which is never a restore target"), false)
            }
            _ if is_template => {
                (text!("a template of new databases, which is never a restore target"), false)
            }
            "postgres" if !self.choices.overwrite => {
                (text!("the server's maintenance database, which other programs connect to"), true)
            }
            _ => return Ok(()),
        };
        Err(SourceError::Reserved { place: self.place(), what, allowed })
    }

    /// The database does not exist, or `refused` had another reason.
    fn absent(
        &mut self,
        psql: &Tool,
        refused: SourceError,
        stopper: &Stopper,
    ) -> Result<Survey, SourceError> {
        let (maintenance, major) = match self.maintenance(psql, stopper) {
            Ok(found) => found,
            Err(SourceError::Cancelled) => return Err(SourceError::Cancelled),
            Err(error @ SourceError::Pooler(_)) => return Err(error),
            Err(_) => return Err(refused),
        };
        if !self.url.is_named_in_text() {
            return Err(self.unnamed());
        }
        if exists(&maintenance, psql, self.url.database(), Waiting::patient(stopper))? {
            return Err(refused);
        }
        self.url = maintenance.with_database(self.url.database());
        Ok(Survey { major, locks: Locks::default(), way: Way::Create(maintenance) })
    }

    /// A database from which to create, rename and drop others, and the server's major version.
    pub(super) fn maintenance(&self, psql: &Tool, stopper: &Stopper) -> Result<(PgUrl, u32), SourceError> {
        let mut refused = None;
        for name in ["postgres", "template1"] {
            // A database cannot be renamed or dropped from within.
            if name == self.url.database() && name != "template1" {
                continue;
            }
            let url = pooler::refuse(&self.url.with_database(name), psql, stopper)?;
            let version =
                question("version", "SELECT current_setting('server_version_num')::int / 10000 AS major");
            match ask(&url, psql, &version, Waiting::patient(stopper)) {
                Ok(answers) => {
                    let Version { major } = answers.row("version").ok_or_else(unexpected_answer)?;
                    return Ok((url, major));
                }
                Err(SourceError::Cancelled) => return Err(SourceError::Cancelled),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(unexpected_answer))
    }
}

/// The findings, and how the dump gets in.
pub(super) struct Survey {
    /// The server's major version.
    pub(super) major: u32,
    pub(super) locks: Locks,
    pub(super) way: Way,
}

/// How a dump gets into its database.
pub(super) enum Way {
    /// Into a new database, created through this maintenance connection.
    Create(PgUrl),
    /// The same; it then replaces the existing one.
    Replace(PgUrl),
    /// In one transaction. `clean`: drop the dump's objects first.
    InPlace { clean: bool },
}

/// Room for locks on the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Locks {
    pub(super) per_transaction: u64,
    /// Sessions, workers and prepared transactions that the room is reserved for.
    pub(super) holders: u64,
    pub(super) used: u64,
}

impl Locks {
    /// Locks that one transaction can still take.
    pub(super) const fn free(self) -> u64 {
        (self.per_transaction * self.holders).saturating_sub(self.used)
    }
}

#[derive(Deserialize)]
struct State {
    objects: u64,
    major: u32,
    may_replace: bool,
    per_transaction: u64,
    holders: u64,
    used: u64,
    is_template: bool,
}

#[derive(Deserialize)]
struct Version {
    major: u32,
}

impl State {
    fn ask(url: &PgUrl, psql: &Tool, waiting: Waiting<'_>) -> Result<Self, SourceError> {
        ask(url, psql, &state(), waiting)?.row("state").ok_or_else(unexpected_answer)
    }
}

/// Whether the target is empty. Asked after the commit, so it cannot be stopped.
pub(super) fn is_empty(url: &PgUrl, psql: &Tool) -> Result<bool, SourceError> {
    let waiting = Waiting { stopper: &Stopper::default(), at_most: Some(INSPECT_TIMEOUT) };
    Ok(State::ask(url, psql, waiting)?.objects == 0)
}
