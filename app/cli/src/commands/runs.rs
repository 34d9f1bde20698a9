//! `sealkeep runs` and `sealkeep logs`.

use client_core::{
    error::Error,
    ops::runs::{self, LogKind, Run, RunState, Wanted},
};

use super::Context;
use crate::{
    args::{Logs, Runs},
    documents, plain,
    plain::Plain,
    render,
    table::Column,
};

pub(crate) fn list(context: &Context, arguments: Runs) -> Result<(), Error> {
    let Runs { source, failed, limit } = arguments;
    let of_source = source.clone();
    let runs = runs::list(&context.client, &Wanted { source, failed, limit })?;
    let document = documents::Runs { runs: runs.iter().map(document).collect() };
    context.output.result(&document, || {
        if runs.is_empty() {
            return match (&of_source, failed) {
                (Some(name), true) => plain!("No run of {} failed.", name),
                (Some(name), false) => plain!("No backup of {} ran on this device yet.", name),
                (None, true) => plain!("No run failed."),
                (None, false) => plain!("No backup ran on this device yet."),
            };
        }
        let rows: Vec<Vec<String>> = runs
            .iter()
            .map(|run| {
                vec![
                    render::id(run.id),
                    render::time(run.started_at),
                    run.source.clone(),
                    run.ended_at.map_or_else(String::new, |ended| format!("{} s", ended - run.started_at)),
                    run.bytes_read.map_or_else(String::new, render::bytes),
                    result(run),
                ]
            })
            .collect();
        let header: [Column; 6] = [
            "RUN".into(),
            "STARTED".into(),
            Column::name("SOURCE"),
            Column::number("TOOK"),
            Column::number("READ"),
            Column::name("RESULT"),
        ];
        render::fitting(&header, &rows, &["READ", "TOOK"])
    })
}

pub(crate) fn log(context: &Context, arguments: &Logs) -> Result<(), Error> {
    let (run, log) = runs::log(&context.client, &arguments.run)?;
    let entries = log.iter().map(|entry| documents::LogEntry {
        at: entry.at,
        at_time: render::when(entry.at),
        kind: entry.kind.as_str(),
        text: entry.text.clone(),
    });
    let document = documents::Logged { run: document(&run), log: entries.collect() };
    context.output.result(&document, || {
        let head = plain!("Run {} of {}, {}: {}", short(&run), run.source, run.kind, result(&run));
        let entries = log.iter().map(|entry| {
            let sign = match entry.kind {
                LogKind::Stage | LogKind::Note => "",
                LogKind::Warning => "warning: ",
                LogKind::Error => "error: ",
                LogKind::Meaning => "Your backups: ",
                LogKind::NextStep => "Next: ",
            };
            plain!("{}  {}{}", render::when(entry.at), sign, entry.text)
        });
        let none = log.is_empty().then(|| plain!("This run has no log: only the newest 500 keep theirs."));
        Plain::join_lines(std::iter::once(head).chain(entries).chain(none))
    })
}

fn short(run: &Run) -> String {
    run.id.to_string().chars().take(8).collect()
}

fn result(run: &Run) -> String {
    match &run.state {
        RunState::Running => "running".to_owned(),
        RunState::Committed => run.snapshot.map_or_else(
            || "done".to_owned(),
            |id| format!("snapshot {}", client_core::ops::select::short(id)),
        ),
        RunState::Failed(why) => format!("failed: {}", why.replace('_', " ")),
    }
}

fn document(run: &Run) -> documents::Run {
    let (state, failure) = match &run.state {
        RunState::Running => (documents::RunState::Running, None),
        RunState::Committed => (documents::RunState::Committed, None),
        RunState::Failed(why) => (documents::RunState::Failed, Some(why.clone())),
    };
    documents::Run {
        id: run.id.to_string(),
        source: run.source.clone(),
        kind: run.kind.clone(),
        state,
        failure,
        started: run.started_at,
        started_at: render::when(run.started_at),
        ended: run.ended_at,
        bytes_read: run.bytes_read,
        snapshot_id: run.snapshot.map(|id| id.to_string()),
    }
}
