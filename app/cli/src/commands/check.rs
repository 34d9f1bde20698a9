//! `sealkeep check`.

use client_core::{
    error::{Error, ErrorKind},
    ops::check,
    text::Text,
};

use super::Context;
use crate::{args::Check, documents, plain, render};

pub(crate) async fn run(context: &Context, arguments: Check) -> Result<(), Error> {
    let report = check::check(&context.client, arguments.read_data).await?;
    let problems = report.problems.iter().map(|problem| documents::Problem {
        object: problem.object.map(|object| object.to_string()),
        what: problem.what.clone(),
        snapshots: documents::ids(&problem.snapshots),
    });
    let ok = report.problems.is_empty();
    context.output.result(
        &documents::Check {
            ok,
            snapshots: report.snapshots,
            packs: report.packs,
            chunks: report.chunks,
            bytes_read: report.bytes_read,
            problems: problems.collect(),
        },
        || {
            plain!(
                "{} snapshots, {} packs, {} chunks: {}{}",
                report.snapshots,
                report.packs,
                report.chunks,
                if ok { "no problems found" } else { "PROBLEMS FOUND" },
                match (arguments.read_data, ok) {
                    (true, _) => format!("; {} read and decrypted", render::bytes(report.bytes_read)),
                    (_, true) =>
                        "; every pack is stored in its length (--read-data decrypts everything)".to_owned(),
                    _ => "; contents were not read (--read-data decrypts everything)".to_owned(),
                },
            )
        },
    )?;
    if ok {
        return Ok(());
    }
    let list: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    Err(Error::new(
        ErrorKind::Damaged,
        Text::verbatim(list.join("; ")),
        if arguments.read_data {
            "the snapshots named above cannot be fully restored; all others are intact"
        } else {
            "the snapshots named above cannot be fully restored; the contents of the others were not read"
        },
        "run a new backup now: it uploads what is missing; then check the bucket",
    ))
}
