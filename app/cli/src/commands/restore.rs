//! `sealkeep restore`.

use client_core::{
    error::{Error, ErrorKind},
    ops::{
        restore::{self, Consent, DamagedRange, Destination, RestoreOptions},
        select::Selector,
    },
    source::postgres::RestoreTarget,
};
use serde_json::json;

use super::Context;
use crate::{args::Restore, prompt::note, render, stdout::Stdout};

pub(crate) async fn run(context: &Context, arguments: Restore) -> Result<(), Error> {
    let Restore { snapshot, source, to, stdout, into, overwrite, no_owner, onto_source, partial, force } =
        arguments;
    let destination = match (to, into) {
        (Some(path), _) => Destination::File { path, consent: Consent { overwrite, terminal: force } },
        (None, Some(url)) => {
            let target = RestoreTarget::new(&url, overwrite)?;
            let target = if no_owner { target.without_owners() } else { target };
            Destination::Database { target, onto_source }
        }
        (None, None) => Destination::Pipe(Box::new(Stdout::for_dump(force)?)),
    };
    let options = RestoreOptions { snapshot: Selector::parse(&snapshot, source)?, destination, partial };
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
            }),
            text,
        )?;
    }
    for remark in &report.notes {
        note(remark)?;
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

fn range(range: &DamagedRange) -> serde_json::Value {
    json!({
        "start": range.start,
        "end": range.end,
        "pack": range.pack,
        "reason": range.reason,
        "snapshots": range.snapshots,
    })
}
