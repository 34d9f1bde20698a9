//! `sealkeep source`.

use std::path::PathBuf;

use client_core::{
    error::{Error, ErrorKind},
    ops::{
        change_source, find_source, probe, remove_source,
        schedule::Schedule,
        sources::{self, Address, Edit, SavedSource},
        timer::{self, Followed, Left},
    },
    shell::quoted,
    source::Preflight,
    text,
};
use secrecy::{ExposeSecret, SecretString};

use super::{Context, backup::absolute};
use crate::{
    args::{DATABASE_URL, Source, SourceAction, SourceAdd, SourceEdit},
    database_url, documents, plain,
    plain::Plain,
    render,
    table::Column,
};

/// Alternatives for a URL that must contain its password.
const INSTEAD: &str = "put the URL into a file and name it with --url-file";

pub(crate) async fn run(context: &Context, arguments: Source) -> Result<(), Error> {
    match arguments.action {
        SourceAction::Add(arguments) => add(context, arguments),
        SourceAction::List => list(context),
        SourceAction::Edit(arguments) => edit(context, arguments),
        SourceAction::Remove { source } => remove(context, &source),
        SourceAction::Test { source } => test(context, &source).await,
    }
}

fn add(context: &Context, arguments: SourceAdd) -> Result<(), Error> {
    let SourceAdd { url, url_file, file, allow_password_in_arguments: allowed, name } = arguments;
    let from_environment = || SecretString::from(std::env::var(DATABASE_URL).unwrap_or_default());
    let given = address(url, url_file, file, allowed)?.unwrap_or_else(from_environment);
    let source = sources::add(&context.client, name, Address::parse(given.expose_secret())?)?;
    context.output.result(&one(&source), || {
        let name = quoted(&source.name);
        plain!(
            "Saved {}: {}\n  Try the connection: sealkeep source test {}\n  Back it up: sealkeep backup {}\n  \
             Every night: sealkeep schedule add {} --daily 02:00",
            source.name,
            source.address.shown(),
            name,
            name,
            name
        )
    })
}

fn list(context: &Context) -> Result<(), Error> {
    let program = super::program()?;
    let mut rows = Vec::new();
    for source in sources::list(&context.client)? {
        let timer = timer::of(&context.client, &source, &program)?;
        rows.push((source, timer));
    }
    let sources = rows.iter().map(|(source, timer)| documents::SourceWithTimer {
        source: one(source),
        timer: timer.as_ref().map(timer_document),
    });
    let document = documents::Sources { sources: sources.collect() };
    context.output.result(&document, || {
        if rows.is_empty() {
            return plain!("No sources are saved on this device. Save one: sealkeep source add postgres://…");
        }
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|(source, timer)| {
                vec![
                    source.name.clone(),
                    source.address.shown(),
                    schedule_words(source.schedule),
                    timer.as_ref().map_or_else(String::new, timer_words),
                    render::id(source.id),
                ]
            })
            .collect();
        let header: [Column; 5] =
            [Column::name("SOURCE"), Column::name("ADDRESS"), "SCHEDULE".into(), "TIMER".into(), "ID".into()];
        render::fitting(&header, &rows, &["ID", "TIMER", "ADDRESS"])
    })
}

fn edit(context: &Context, arguments: SourceEdit) -> Result<(), Error> {
    let SourceEdit { source, url, url_file, file, allow_password_in_arguments: allowed, name } = arguments;
    let source = find_source::find(&context.client, &source)?;
    let given = address(url, url_file, file, allowed)?;
    let address = given.as_ref().map(ExposeSecret::expose_secret);
    let edit = Edit { name: name.as_deref(), address };
    let followed = change_source::edit(&context.client, source.id, edit)?;
    let source = sources::get(&context.client, source.id)?;
    context.output.result(&one(&source), || plain!("Changed {}: {}", source.name, source.address.shown()))?;
    match timer_left(&followed, &source) {
        Some(text) => context.output.result_on_stderr(&text),
        None => Ok(()),
    }
}

/// Why the timer still has the old name.
fn timer_left(followed: &Followed, source: &SavedSource) -> Option<Plain> {
    let Followed::Left { unit, why } = followed else { return None };
    let name = quoted(&source.name);
    Some(match why {
        Left::Edited => plain!("Its timer {} was edited by hand and keeps the old name.", unit),
        Left::System => plain!(
            "Its timer {} is the system's and keeps the old name: `sudo sealkeep schedule add {} … --system` renews it.",
            unit,
            name
        ),
        Left::Refused(why) => plain!("Its timer {} keeps the old name: {}", unit, why),
    })
}

fn remove(context: &Context, typed: &str) -> Result<(), Error> {
    let source = find_source::find(&context.client, typed)?;
    let removed = remove_source::remove(&context.client, source.id)?;
    context.output.result(
        &documents::SourceRemoved {
            removed: source.id.to_string(),
            source: source.name.clone(),
            timers: removed.units.clone(),
            kept: removed.kept.clone(),
        },
        || {
            let mut text = plain!("Removed {}; its snapshots stay.", source.name);
            text.push(&timers_removed(&removed));
            text
        },
    )
}

async fn test(context: &Context, typed: &str) -> Result<(), Error> {
    let source = find_source::find(&context.client, typed)?;
    let found = probe::probe(source.address.source()?).await?;
    let passes = found.passes();
    match &found {
        Preflight::Database(facts) => context.output.result(
            &documents::Tested::Database(documents::TestedDatabase {
                source: source.name.clone(),
                passes,
                server: facts.server.clone(),
                tls: facts.tls,
                bytes: facts.size,
                readable_tables: facts.readable_tables,
                unreadable: facts.unreadable.clone(),
                tool: facts.tool.clone(),
            }),
            || {
                plain!(
                    "{}: {}, {}, {} on disk, {}, dumped by {}",
                    source.name,
                    facts.server,
                    match (facts.tls, facts.local) {
                        (true, _) => "encrypted connection",
                        (false, true) => "connection on this machine",
                        (false, false) => "connection that is NOT encrypted",
                    },
                    render::bytes(facts.size),
                    tables(facts.readable_tables),
                    facts.tool
                )
            },
        )?,
        Preflight::Bytes { size } => {
            let document = documents::TestedBytes { source: source.name.clone(), passes, bytes: *size };
            context.output.result(&documents::Tested::Bytes(document), || match size {
                Some(size) => plain!("{}: {}, readable", source.name, render::bytes(*size)),
                None => plain!("{}: a pipe", source.name),
            })?
        }
    }
    match found {
        Preflight::Database(facts) if !passes => Err(Error::new(
            ErrorKind::DumpFailed,
            text!(
                "the user may not read {tables}: {first}",
                tables = tables(facts.unreadable.len() as u64),
                first = first(&facts.unreadable)
            ),
            "a backup would fail; nothing was changed",
            "grant the user access, for example with the role `pg_read_all_data`",
        )),
        _ => Ok(()),
    }
}

/// `1 table`, `7 tables`.
fn tables(number: u64) -> String {
    match number {
        1 => "1 table".to_owned(),
        several => format!("{several} tables"),
    }
}

/// The first few names; `--json` has all of them.
fn first(names: &[String]) -> String {
    const NAMED: usize = 5;
    let more = if names.len() > NAMED { ", …" } else { "" };
    let named = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    format!("{named}{more}")
}

/// The address given by arguments.
fn address(
    url: Option<String>,
    url_file: Option<PathBuf>,
    file: Option<PathBuf>,
    allowed: bool,
) -> Result<Option<SecretString>, Error> {
    Ok(match (url, url_file, file) {
        (Some(url), _, _) => Some(database_url::from_argument(url, allowed, Some(INSTEAD))?),
        (None, Some(path), _) => Some(database_url::from_file(&path)?),
        (None, None, Some(path)) => {
            let path = absolute(&path)?;
            let text = path.to_str().ok_or_else(|| Error::usage(text!("the path is not UTF-8")))?;
            Some(text.to_owned().into())
        }
        (None, None, None) => None,
    })
}

/// A source, for JSON.
fn one(source: &SavedSource) -> documents::Source {
    documents::Source {
        id: source.id.to_string(),
        name: source.name.clone(),
        kind: source.address.kind().to_owned(),
        address: source.address.shown(),
        schedule: schedule_document(source.schedule),
        created: source.created,
    }
}

/// A schedule, for JSON.
pub(super) const fn schedule_document(schedule: Schedule) -> documents::Schedule {
    match schedule {
        Schedule::Manual => documents::Schedule::Manual,
        Schedule::Hour => documents::Schedule::Hour,
        Schedule::Day { hour, minute } => documents::Schedule::Day { hour, minute },
        Schedule::Week { weekday, hour, minute } => documents::Schedule::Week { weekday, hour, minute },
    }
}

/// A timer, for JSON.
pub(super) fn timer_document(timer: &timer::Timer) -> documents::Timer {
    documents::Timer {
        unit: timer.unit.clone(),
        system: timer.scope == timer::Scope::System,
        files: match timer.files {
            timer::Files::Current => documents::TimerFiles::Current,
            timer::Files::Outdated => documents::TimerFiles::Outdated,
            timer::Files::Edited => documents::TimerFiles::Edited,
        },
    }
}

pub(super) fn timer_words(timer: &timer::Timer) -> String {
    let scope = match timer.scope {
        timer::Scope::User => "yours",
        timer::Scope::System => "system",
    };
    match timer.files {
        timer::Files::Current => scope.to_owned(),
        timer::Files::Outdated => format!("{scope}, outdated"),
        timer::Files::Edited => format!("{scope}, edited"),
    }
}

/// `daily at 02:00`.
pub(super) fn schedule_words(schedule: Schedule) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    match schedule {
        Schedule::Manual => "none".to_owned(),
        Schedule::Hour => "hourly".to_owned(),
        Schedule::Day { hour, minute } => format!("daily at {hour:02}:{minute:02}"),
        Schedule::Week { weekday, hour, minute } => {
            let day = usize::try_from(weekday - 1).ok().and_then(|day| DAYS.get(day)).unwrap_or(&"?");
            format!("{day} at {hour:02}:{minute:02}")
        }
    }
}

/// What became of timers.
pub(super) fn timers_removed(removed: &timer::Removed) -> Plain {
    let mut text = Plain::default();
    for unit in &removed.units {
        text.push(&plain!("\n  timer {} removed", unit));
    }
    for path in &removed.kept {
        text.push(&plain!("\n  edited by hand, kept as {}", path.display()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_told_in_words() {
        for (schedule, words) in [
            (Schedule::Manual, "none"),
            (Schedule::Hour, "hourly"),
            (Schedule::Day { hour: 2, minute: 5 }, "daily at 02:05"),
            (Schedule::Week { weekday: 1, hour: 23, minute: 0 }, "Mon at 23:00"),
            (Schedule::Week { weekday: 7, hour: 0, minute: 0 }, "Sun at 00:00"),
            (Schedule::Week { weekday: 0, hour: 0, minute: 0 }, "? at 00:00"),
        ] {
            assert_eq!(schedule_words(schedule), words);
        }
    }

    #[test]
    fn many_names_are_not_all_in_one_sentence() {
        let names: Vec<String> = (1..=7).map(|number| format!("t{number}")).collect();
        assert_eq!(first(&names), "t1, t2, t3, t4, t5, …");
        assert_eq!(first(&names[..2]), "t1, t2");
        assert_eq!((tables(1).as_str(), tables(7).as_str()), ("1 table", "7 tables"));
    }
}
