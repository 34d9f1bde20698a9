//! The request for a run, which can be repeated with what the user allowed after it was refused.

use std::path::PathBuf;

use client_core::{
    error::{Error, ErrorKind},
    ops::{
        Client,
        backup::{BackupOptions, Gate},
        restore::{Consent, Destination},
        sources::{self, Address, SavedSource},
    },
    shell::quoted,
    source::{self, RestoreChoices, Source, SourceError, script::Found},
};
use uuid::Uuid;

use crate::view::{Choice, RestoreTo};

/// A run that can be requested again.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) what: What,
    /// What the user has allowed so far.
    allowed: Vec<Choice>,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Backup { id: Uuid },
    Verify { source: String, snapshot: String },
    Restore { source: String, snapshot: String, to: RestoreTo },
}

impl Request {
    pub(super) const fn new(what: What) -> Self {
        Self { what, allowed: Vec::new() }
    }

    /// The same request, with the refused thing allowed.
    pub(super) fn allowing(mut self, choice: Choice) -> Self {
        if !self.allows(choice) {
            self.allowed.push(choice);
        }
        self
    }

    fn allows(&self, choice: Choice) -> bool {
        self.allowed.contains(&choice)
    }

    /// What the user can allow after a refusal. Destruction is never a button: the name must be typed.
    pub(super) fn choices(&self, error: &Error) -> Vec<Choice> {
        let all: &[Choice] = match (&self.what, error.kind()) {
            (What::Backup { .. }, ErrorKind::UnusualDump | ErrorKind::SourceChanged) => &[Choice::Force],
            (What::Backup { .. }, ErrorKind::OtherSource) => &[Choice::SameSource, Choice::Rename],
            (What::Restore { to: RestoreTo::Database { .. }, .. }, _) => match source_error(error) {
                Some(SourceError::MayBeCopy(_)) => &[Choice::ToCopy],
                Some(SourceError::Script(script)) if matches!(script.found, Found::Missing(..)) => {
                    &[Choice::NoOwner, Choice::NoPrivileges, Choice::SkipMissing]
                }
                Some(SourceError::RestoreFailed { .. }) => &[Choice::ContinueOnError],
                _ => &[],
            },
            _ => &[],
        };
        all.iter().copied().filter(|choice| !self.allows(*choice)).collect()
    }

    /// The options for a backup of this source.
    pub(super) fn backup_options(
        &self,
        source: &SavedSource,
        upload_limit: Option<u64>,
        gate: Gate,
    ) -> Result<BackupOptions, Error> {
        Ok(BackupOptions {
            source: source.address.source()?,
            name: Some(source.name.clone()),
            former_names: source.former_names(),
            same_source: self.allows(Choice::SameSource),
            upload_limit,
            record_list: true,
            unwrap: true,
            level: None,
            force: self.allows(Choice::Force),
            gate,
        })
    }

    /// The destination of a restore.
    pub(super) fn destination(&self, client: &Client, to: &RestoreTo) -> Result<Destination, Error> {
        match to {
            RestoreTo::File { path } => {
                Ok(Destination::File { path: PathBuf::from(path), consent: Consent::default() })
            }
            RestoreTo::Database { url, like, replace, onto_source } => {
                let choices = RestoreChoices {
                    overwrite: names(url, replace),
                    no_owner: self.allows(Choice::NoOwner),
                    no_privileges: self.allows(Choice::NoPrivileges),
                    skip_missing: self.allows(Choice::SkipMissing),
                    continue_on_error: self.allows(Choice::ContinueOnError),
                    ..RestoreChoices::default()
                };
                // Refuses what is no database.
                let named = source::database(url).map_err(SourceError::of_restore)?;
                let database = if like.is_some() { like_saved(client, url, *like)?.source()? } else { named };
                Ok(Destination::Database {
                    database,
                    choices: Box::new(choices),
                    onto_source: *onto_source,
                    to_copy_of_source: self.allows(Choice::ToCopy),
                })
            }
        }
    }

    /// The equivalent command. Without a password: libpq takes it from ~/.pgpass or PGPASSWORD.
    pub(super) fn backup_command(&self, name: &str, source: &dyn Source) -> String {
        let arguments = source.arguments();
        let quoted_arguments: Vec<_> = arguments.iter().map(|argument| quoted(argument)).collect();
        self.with_flags(format!("sealkeep backup {} --name {}", quoted_arguments.join(" "), quoted(name)))
    }

    /// Like [`Request::backup_command`].
    pub(super) fn restore_command(&self, snapshot: &str, to: &RestoreTo) -> String {
        self.with_flags(restore_command(snapshot, to))
    }

    fn with_flags(&self, command: String) -> String {
        let flags = self.allowed.iter().filter_map(|choice| choice.flag());
        flags.fold(command, |command, flag| format!("{command} {flag}"))
    }
}

/// An address, with the secrets of a saved source if it leads to the same server as the same user.
pub(super) fn like_saved(client: &Client, text: &str, like: Option<Uuid>) -> Result<Address, Error> {
    let address = Address::parse(text)?;
    match like {
        Some(id) => address.with_secrets_of(&sources::get(client, id)?.address),
        None => Ok(address),
    }
}

/// The error of the source or the target.
fn source_error(error: &Error) -> Option<&SourceError> {
    std::error::Error::source(error)?.downcast_ref()
}

/// The equivalent restore command.
pub(crate) fn restore_command(snapshot: &str, to: &RestoreTo) -> String {
    let snapshot = quoted(snapshot);
    match to {
        RestoreTo::File { path } => format!("sealkeep restore {snapshot} --to {}", quoted(path)),
        RestoreTo::Database { url, replace, onto_source, .. } => {
            let place = source::database(url)
                .map_or_else(|_| "postgres://…".to_owned(), |database| database.address());
            let overwrite = if names(url, replace) { " --overwrite" } else { "" };
            let onto = if *onto_source { " --onto-source" } else { "" };
            format!("sealkeep restore {snapshot} --into {}{overwrite}{onto}", quoted(&place))
        }
    }
}

/// Whether this is the name of the URL's database.
fn names(url: &str, typed: &str) -> bool {
    source::database(url)
        .is_ok_and(|source| source.database().is_some_and(|database| database.name() == typed.trim()))
}

#[cfg(test)]
mod tests {
    use client_core::text;

    use super::*;

    fn database(replace: &str) -> RestoreTo {
        onto(replace, false)
    }

    fn onto(replace: &str, onto_source: bool) -> RestoreTo {
        let url = "postgres://ada:hunter2@h:5433/copy".into();
        RestoreTo::Database { url, like: None, replace: replace.into(), onto_source }
    }

    #[test]
    fn commands_can_be_pasted_and_hold_no_password() {
        let command = |replace: &str| restore_command("0a1b2c", &database(replace));
        let plain = "sealkeep restore 0a1b2c --into postgres://ada@h:5433/copy";
        for other in ["", "cop", "Copy", "shop"] {
            assert_eq!(command(other), plain, "{other}");
        }
        // Each danger has a consent of its own.
        assert_eq!(command(" copy"), format!("{plain} --overwrite"));
        assert_eq!(
            restore_command("0a1b2c", &onto("copy", true)),
            format!("{plain} --overwrite --onto-source")
        );
        let to = RestoreTo::File { path: "/home/ada/Ada's dump.sql".into() };
        assert_eq!(
            restore_command("0a1b2c", &to),
            r#"sealkeep restore 0a1b2c --to "/home/ada/Ada's dump.sql""#
        );
    }

    #[test]
    fn a_refusal_offers_what_the_command_offers_and_each_answer_once() {
        let backup = Request::new(What::Backup { id: Uuid::nil() });
        let refused = |kind| Error::new(kind, text!("no"), "nothing", "choose");
        assert_eq!(backup.choices(&refused(ErrorKind::UnusualDump)), [Choice::Force]);
        assert_eq!(backup.choices(&refused(ErrorKind::SourceChanged)), [Choice::Force]);
        assert_eq!(backup.choices(&refused(ErrorKind::OtherSource)), [Choice::SameSource, Choice::Rename]);
        assert!(backup.choices(&refused(ErrorKind::DumpFailed)).is_empty());
        // It is refused again for another reason: the first answer still applies.
        let forced = backup.allowing(Choice::Force);
        assert!(forced.choices(&refused(ErrorKind::UnusualDump)).is_empty());
        let both = forced.allowing(Choice::SameSource);
        let command = both.backup_command("shop", &*source::file("/d/shop.sql".into()));
        assert_eq!(command, "sealkeep backup --file /d/shop.sql --name shop --force --same-source");

        let what = |to| What::Restore { source: "shop".into(), snapshot: "0a1b".into(), to };
        let restore = Request::new(what(database("")));
        let copy = Error::from(SourceError::MayBeCopy("h:5433/copy".into()));
        assert_eq!(restore.choices(&copy), [Choice::ToCopy]);
        let command = restore.allowing(Choice::ToCopy).restore_command("0a1b", &database(""));
        assert!(command.ends_with("/copy --to-copy-of-source"), "{command}");
        let file = Request::new(what(RestoreTo::File { path: "/d/x".into() }));
        assert!(file.choices(&copy).is_empty());
        // Existing data is destroyed only if its name is typed.
        for there in [SourceError::NotEmpty("h/copy".into()), SourceError::SameAsSource("h/copy".into())] {
            assert!(Request::new(what(database(""))).choices(&Error::from(there)).is_empty());
        }
    }
}
