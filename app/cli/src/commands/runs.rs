//! `sealkeep runs` and `sealkeep logs`.

use client_core::{
    error::Error,
    ops::runs::{self, LogKind, Run, RunKind, RunState, RunTarget, Wanted},
};

use super::Context;
use crate::{
    args::{Logs, RunKind as Kind, Runs},
    documents, plain,
    plain::Plain,
    render,
    table::Column,
};

pub(crate) fn list(context: &Context, arguments: Runs) -> Result<(), Error> {
    let Runs { source, kind, failed, limit } = arguments;
    let of_source = source.clone();
    let kind = kind.map(|kind| match kind {
        Kind::Backup => RunKind::Backup,
        Kind::Restore => RunKind::Restore,
        Kind::Verify => RunKind::Verify,
    });
    let runs = runs::list(&context.client, &Wanted { source, kind, failed, limit })?;
    let document = documents::Runs { runs: runs.iter().map(document).collect() };
    context.output.result(&document, || {
        if runs.is_empty() {
            let what = kind.map_or("run", noun);
            return match (&of_source, failed) {
                (Some(name), true) => plain!("No {} of {} failed.", what, name),
                (Some(name), false) => plain!("There is no {} of {} on this device yet.", what, name),
                (None, true) => plain!("No {} failed.", what),
                (None, false) => plain!("There is no {} on this device yet.", what),
            };
        }
        let rows: Vec<Vec<String>> = runs
            .iter()
            .map(|run| {
                vec![
                    render::id(run.id),
                    render::time(run.started_at),
                    run.kind.as_str().to_owned(),
                    run.source.clone().unwrap_or_else(|| "–".to_owned()),
                    run.ended_at.map_or_else(String::new, |ended| format!("{} s", ended - run.started_at)),
                    run.bytes_read.map_or_else(String::new, render::bytes),
                    result(run),
                ]
            })
            .collect();
        let header: [Column; 7] = [
            "RUN".into(),
            "STARTED".into(),
            "KIND".into(),
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
        let of = match (&run.source, &run.source_kind) {
            (Some(name), Some(kind)) => plain!(" of {}, {}", name, kind),
            (Some(name), None) => plain!(" of {}", name),
            (None, _) => Plain::default(),
        };
        let mut head = plain!("Run {}, {}", short(&run), noun(run.kind));
        head.push(&of);
        if let Some(target) = &run.target {
            head.push(&plain!(", to {}", place(target)));
        }
        head.push(&plain!(": {}", result(&run)));
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

const fn noun(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Backup => "backup",
        RunKind::Restore => "restore",
        RunKind::Verify => "verification",
    }
}

fn place(target: &RunTarget) -> &str {
    target.name().unwrap_or("standard output")
}

fn result(run: &Run) -> String {
    let snapshot = run.snapshot.map(client_core::ops::select::short);
    match (&run.state, run.kind, snapshot) {
        (RunState::Running, _, _) => "running".to_owned(),
        (RunState::Failed(why), _, _) => format!("failed: {}", why.replace('_', " ")),
        (RunState::Done, RunKind::Backup, Some(id)) => format!("snapshot {id}"),
        (RunState::Done, RunKind::Restore, Some(id)) => format!("restored {id}"),
        (RunState::Done, RunKind::Verify, Some(id)) => format!("verified {id}"),
        (RunState::Done, _, None) => "done".to_owned(),
    }
}

fn document(run: &Run) -> documents::Run {
    let (state, failure) = match &run.state {
        RunState::Running => (documents::RunState::Running, None),
        RunState::Done => (documents::RunState::Done, None),
        RunState::Failed(why) => (documents::RunState::Failed, Some(why.clone())),
    };
    documents::Run {
        id: run.id.to_string(),
        kind: run.kind.as_str(),
        source: run.source.clone(),
        source_kind: run.source_kind.clone(),
        target: run.target.as_ref().map(|target| documents::RunTarget {
            kind: target.kind(),
            name: target.name().map(str::to_owned),
        }),
        state,
        failure,
        started: run.started_at,
        started_at: render::when(run.started_at),
        ended: run.ended_at,
        bytes_read: run.bytes_read,
        snapshot_id: run.snapshot.map(|id| id.to_string()),
    }
}
