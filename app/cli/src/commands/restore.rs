//! `sealkeep restore`.

use std::path::PathBuf;

use client_core::{
    error::{Error, ErrorKind},
    ops::{
        list,
        restore::{self, Consent, DamagedRange, Destination, RestoreOptions, RestoreReport},
        select::Selector,
    },
    source::{self, CleanedUp, RestoreChoices, SourceError, script::LeftOut},
    text,
};
use secrecy::ExposeSecret;

use super::Context;
use crate::{
    args::Restore, database_url, documents, plain, plain::Plain, render, render::note, stdout::Stdout,
    table::Column,
};

/// Alternatives for a URL that must contain its password.
const INSTEAD: &str = "put the URL into a file and name it with --into-url-file";

/// Number of snapshots to choose from on a terminal.
const CHOICES: usize = 20;

pub(crate) async fn run(context: &Context, arguments: Restore) -> Result<(), Error> {
    let Restore {
        snapshot,
        source,
        to,
        stdout,
        into,
        into_url_file,
        allow_password_in_arguments: allowed,
        overwrite,
        no_owner,
        no_privileges,
        skip_missing,
        onto_source,
        to_copy_of_source,
        continue_on_error,
        clean_up,
        partial,
        force,
    } = arguments;
    if let Some(url) = clean_up {
        let url = database_url::from_argument(url, allowed, None)?;
        return cleaned_up(context, url.expose_secret()).await;
    }
    let snapshot = match snapshot {
        Some(snapshot) => snapshot,
        None => choose(context, source.as_deref()).await?,
    };
    let snapshot = Selector::parse(&snapshot, source)?;
    let to = match to {
        None if into.is_none() && into_url_file.is_none() && !stdout => Some(ask_file(context).await?),
        to => to,
    };
    let into = match (into, into_url_file) {
        (Some(url), _) => Some(database_url::from_argument(url, allowed, Some(INSTEAD))?),
        (None, Some(path)) => Some(database_url::from_file(&path)?),
        (None, None) => None,
    };
    let destination = match (to, into) {
        (Some(path), _) => Destination::File { path, consent: Consent { overwrite, terminal: force } },
        (None, Some(url)) => {
            let database = source::database(url.expose_secret()).map_err(SourceError::of_restore)?;
            let choices = RestoreChoices {
                overwrite,
                no_owner,
                no_privileges,
                skip_missing,
                continue_on_error,
                ..RestoreChoices::default()
            };
            Destination::Database { database, choices: Box::new(choices), onto_source, to_copy_of_source }
        }
        (None, None) => Destination::Pipe(Box::new(Stdout::for_dump(force)?)),
    };
    let options = RestoreOptions { snapshot, source: None, destination, partial };
    let report = restore::restore(&context.client, options).await?;
    finish(context, &report, stdout)
}

/// Prints what was restored; what was not is an error.
fn finish(context: &Context, report: &RestoreReport, stdout: bool) -> Result<(), Error> {
    let text = || {
        plain!(
            "Restored {} of {}: {} in {} s, SHA-256 {}{}",
            client_core::ops::select::short(report.snapshot_id),
            report.source,
            render::bytes(report.bytes),
            format_args!("{:.1}", report.duration.as_secs_f64()),
            report.sha256,
            if report.damaged.is_empty() { " matches" } else { " does NOT match: parts are missing" },
        )
    };
    if stdout {
        // Standard output is the dump itself.
        context.output.result_on_stderr(&text())?;
    } else {
        context.output.result(
            &documents::Restored {
                snapshot_id: report.snapshot_id.to_string(),
                source: report.source.clone(),
                bytes: report.bytes,
                sha256: report.sha256.to_string(),
                duration_ms: documents::millis(report.duration),
                packs_read: report.packs_read,
                damaged: report.damaged.iter().map(range).collect(),
                notes: report.notes.iter().map(ToString::to_string).collect(),
                failed: report.failed.clone(),
                left_out: report.left_out.iter().map(left_out).collect(),
                superuser: report.superuser,
            },
            text,
        )?;
    }
    for remark in &report.notes {
        context.output.result_on_stderr(&plain!("{}", remark))?;
    }
    if report.superuser {
        context.output.result_on_stderr(&plain!(
            "Restored as a superuser: code in the dump (functions, triggers, DO blocks) ran with all privileges on the server. Restore untrusted dumps as another role"
        ))?;
    }
    if !report.failed.is_empty() {
        if !context.output.is_json() {
            for failed in &report.failed {
                context.output.result_on_stderr(&plain!("Not restored: {}", failed))?;
            }
        }
        return Err(Error::new(
            ErrorKind::Damaged,
            text!("not everything could be restored: {named}", named = named(&report.failed)),
            "the database holds the rest; the snapshot is untouched",
            "fix the errors reported by the server, then restore again without --continue",
        ));
    }
    if report.damaged.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = report.damaged.iter().map(ToString::to_string).collect();
    Err(Error::new(
        ErrorKind::Damaged,
        text!(
            "not everything could be restored; missing parts were filled with zeros: {join}",
            join = list.join("; ")
        ),
        "the snapshots named above are damaged in the same packs",
        "`sealkeep check --read-data` lists all damage; a new backup stores the missing chunks again",
    ))
}

/// Lists the newest snapshots and asks for one. Only on a terminal: elsewhere one is required.
async fn choose(context: &Context, source: Option<&str>) -> Result<String, Error> {
    let listed = list::snapshots(&context.client, source).await?.snapshots;
    if listed.is_empty() {
        // Selecting it reports what is missing.
        return Ok("latest".to_owned());
    }
    context.output.clear_progress();
    let rows: Vec<Vec<String>> = (1..=CHOICES)
        .zip(&listed)
        .map(|(number, s)| {
            vec![number.to_string(), render::ago(s.created), s.source.clone(), render::bytes(s.bytes)]
        })
        .collect();
    let header: [Column; 4] =
        [Column::number("NO."), "TIME".into(), Column::name("SOURCE"), Column::number("SIZE")];
    note(&render::choices(&header, &rows))?;
    if listed.len() > rows.len() {
        note(&plain!("Older ones: `sealkeep snapshots`"))?;
    }
    loop {
        let typed = context.secrets.ask_line(&plain!("Restore which one, by number [1]: ")).await?;
        let number = if typed.is_empty() { Ok(1) } else { typed.parse::<usize>() };
        let chosen = number.ok().filter(|number| *number <= rows.len()).and_then(|n| n.checked_sub(1));
        match chosen.and_then(|at| listed.get(at)) {
            Some(chosen) => return Ok(chosen.id.to_string()),
            None => note(&plain!("Type a number between 1 and {}.", rows.len()))?,
        }
    }
}

async fn ask_file(context: &Context) -> Result<PathBuf, Error> {
    loop {
        let typed = context.secrets.ask_line(&plain!("Restore to which file: ")).await?;
        if !typed.is_empty() {
            return Ok(typed.into());
        }
    }
}

/// Names the first few; all of them have been listed.
fn named(failed: &[String]) -> String {
    const NAMED: usize = 5;
    let first = failed.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    match failed.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first}; and {more} more"),
    }
}

fn left_out(left: &LeftOut) -> documents::LeftOut {
    documents::LeftOut { line: left.line, statement: left.statement.clone(), reason: left.reason.to_string() }
}

async fn cleaned_up(context: &Context, url: &str) -> Result<(), Error> {
    let server = source::database(url).map_err(SourceError::of_restore)?;
    let CleanedUp { dropped, in_use, failed } = restore::clean_up(&context.client, server).await?;
    let reasons: Vec<String> = failed.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    let text = || {
        let mut lines: Vec<Plain> = dropped.iter().map(|name| plain!("Dropped {}", name)).collect();
        lines.extend(in_use.iter().map(|name| plain!("Kept {}: a restore is using it", name)));
        if lines.is_empty() && failed.is_empty() {
            lines.push(plain!("No interrupted restores on this server"));
        }
        Plain::join_lines(lines)
    };
    let document =
        documents::CleanedUp { dropped: dropped.clone(), in_use: in_use.clone(), failed: reasons.clone() };
    context.output.result(&document, text)?;
    if reasons.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::DumpFailed,
        text!("not everything could be dropped: {join}", join = reasons.join("; ")),
        "backups are untouched",
        "connect as a user who can drop these databases, and clean up again",
    ))
}

fn range(range: &DamagedRange) -> documents::Damaged {
    documents::Damaged {
        start: range.start,
        end: range.end,
        pack: range.pack.map(|pack| pack.to_string()),
        reason: range.reason.to_string(),
        snapshots: documents::ids(&range.snapshots),
    }
}
