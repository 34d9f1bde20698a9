//! `sealkeep restore`.

use client_core::{
    error::{Error, ErrorKind},
    ops::{
        restore::{self, Consent, DamagedRange, Destination, RestoreOptions},
        select::Selector,
    },
    source::postgres::{CleanedUp, RestoreTarget},
};
use serde_json::json;

use super::Context;
use crate::{args::Restore, prompt::note, render, stdout::Stdout};

pub(crate) async fn run(context: &Context, arguments: Restore) -> Result<(), Error> {
    let Restore {
        snapshot,
        source,
        to,
        stdout,
        into,
        overwrite,
        no_owner,
        onto_source,
        to_copy_of_source,
        keep_going,
        clean_up,
        partial,
        force,
    } = arguments;
    if let Some(url) = clean_up {
        return cleaned_up(context, url).await;
    }
    let destination = match (to, into) {
        (Some(path), _) => Destination::File { path, consent: Consent { overwrite, terminal: force } },
        (None, Some(url)) => {
            let mut target = RestoreTarget::new(&url, overwrite)?;
            if no_owner {
                target = target.without_owners();
            }
            if keep_going {
                target = target.keeping_going();
            }
            Destination::Database { target: Box::new(target), onto_source, to_copy_of_source }
        }
        (None, None) => Destination::Pipe(Box::new(Stdout::for_dump(force)?)),
    };
    let snapshot = Selector::parse(&snapshot.unwrap_or_default(), source)?;
    let options = RestoreOptions { snapshot, destination, partial };
    let report = restore::restore(&context.client, options).await?;
    let damaged: Vec<serde_json::Value> = report.damaged.iter().map(range).collect();
    let text = || {
        format!(
            "Restored {} of {}: {} in {:.1} s, SHA-256 {}{}",
            client_core::ops::select::short(report.snapshot_id),
            report.source,
            render::bytes(report.bytes),
            report.duration.as_secs_f64(),
            report.sha256,
            if report.damaged.is_empty() { " holds" } else { " does NOT hold: parts are missing" },
        )
    };
    if stdout {
        // Standard output is the dump itself.
        note(&text())?;
    } else {
        context.output.result(
            &json!({
                "snapshot_id": report.snapshot_id,
                "source": report.source,
                "bytes": report.bytes,
                "sha256": report.sha256,
                "duration_ms": report.duration.as_millis(),
                "packs_read": report.packs_read,
                "damaged": damaged,
                "notes": report.notes,
                "failed": report.failed,
            }),
            text,
        )?;
    }
    for remark in &report.notes {
        note(remark)?;
    }
    if !report.failed.is_empty() {
        return Err(Error::new(
            ErrorKind::Damaged,
            format!("not everything could be restored: {}", report.failed.join("; ")),
            "the database holds the rest; the snapshot is untouched",
            "put right what the server says, then restore again without --continue",
        ));
    }
    if report.damaged.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = report.damaged.iter().map(ToString::to_string).collect();
    Err(Error::new(
        ErrorKind::Damaged,
        format!("not everything could be restored; zeros stand for: {}", list.join("; ")),
        "the snapshots named are damaged in the same packs",
        "`sealkeep check --read-data` lists all damage; a new backup stores the missing chunks again",
    ))
}

async fn cleaned_up(context: &Context, url: String) -> Result<(), Error> {
    let CleanedUp { dropped, in_use, failed } = restore::clean_up(url).await?;
    let reasons: Vec<String> = failed.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    let text = || {
        let mut lines: Vec<String> = dropped.iter().map(|name| format!("Dropped {name}")).collect();
        lines.extend(in_use.iter().map(|name| format!("Left {name}: a restore works on it")));
        if lines.is_empty() && failed.is_empty() {
            lines.push("No restore left anything on this server".to_owned());
        }
        lines.join("\n")
    };
    let document = json!({ "dropped": dropped, "in_use": in_use, "failed": reasons });
    context.output.result(&document, text)?;
    if reasons.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::DumpFailed,
        format!("not everything could be dropped: {}", reasons.join("; ")),
        "backups are untouched",
        "connect as a user who may drop these databases, and clean up again",
    ))
}

fn range(range: &DamagedRange) -> serde_json::Value {
    json!({
        "start": range.start,
        "end": range.end,
        "pack": range.pack,
        "reason": range.reason,
        "snapshots": range.snapshots,
    })
}
