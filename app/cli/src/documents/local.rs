//! Documents about this device: saved sources, schedules, runs, settings.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::Backup;

/// A saved source.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "source")]
pub(crate) struct Source {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `postgres` or `file`.
    pub(crate) kind: String,
    /// Without a password.
    pub(crate) address: String,
    pub(crate) schedule: Schedule,
    /// Seconds since 1970.
    pub(crate) created: i64,
}

/// When a source is backed up. Times are local.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(tag = "every", rename_all = "snake_case")]
#[schemars(rename = "schedule")]
pub(crate) enum Schedule {
    /// Only on demand.
    Manual,
    /// An hour after the last backup.
    Hour,
    /// Every day at this time.
    Day {
        /// 0–23.
        hour: i8,
        /// 0–59.
        minute: i8,
    },
    /// Every week on this day at this time.
    Week {
        /// 1 (Monday) – 7 (Sunday).
        weekday: i8,
        /// 0–23.
        hour: i8,
        /// 0–59.
        minute: i8,
    },
}

/// A source's systemd timer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "timer")]
pub(crate) struct Timer {
    /// Its name.
    pub(crate) unit: String,
    /// Whether it is a timer of the system; otherwise the user's.
    pub(crate) system: bool,
    pub(crate) files: TimerFiles,
}

/// Whether a timer's files are as Sealkeep would write them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "timer_files")]
pub(crate) enum TimerFiles {
    /// They are.
    Current,
    /// An earlier schedule or program wrote them.
    Outdated,
    /// They were edited by hand.
    Edited,
}

/// The saved sources.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "source_list")]
pub(crate) struct Sources {
    pub(crate) sources: Vec<SourceWithTimer>,
}

/// A saved source and its timer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "source_with_timer")]
pub(crate) struct SourceWithTimer {
    #[serde(flatten)]
    pub(crate) source: Source,
    /// `null` if it has none.
    pub(crate) timer: Option<Timer>,
}

/// A source was removed; its snapshots stay.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "source_remove")]
pub(crate) struct SourceRemoved {
    /// Its id.
    pub(crate) removed: String,
    /// Its name.
    pub(crate) source: String,
    /// Timers that were removed.
    pub(crate) timers: Vec<String>,
    /// Files of timers that were edited by hand, and stay.
    pub(crate) kept: Vec<PathBuf>,
}

/// What a backup of a source would find.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "source_test")]
pub(crate) enum Tested {
    /// Of a database.
    Database(TestedDatabase),
    /// Of a file.
    Bytes(TestedBytes),
}

/// What a backup of a database would find.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "tested_database")]
pub(crate) struct TestedDatabase {
    /// The source's name.
    pub(crate) source: String,
    /// Whether a backup would succeed.
    pub(crate) passes: bool,
    /// Its version, such as `PostgreSQL 15.18`.
    pub(crate) server: String,
    /// Whether the connection is encrypted.
    pub(crate) tls: bool,
    /// Size on the server's disk.
    pub(crate) bytes: u64,
    pub(crate) readable_tables: u64,
    /// Tables and sequences that the user may not read.
    pub(crate) unreadable: Vec<String>,
    /// The program that would dump it, and its version.
    pub(crate) tool: String,
}

/// What a backup of a file would find.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "tested_bytes")]
pub(crate) struct TestedBytes {
    /// The source's name.
    pub(crate) source: String,
    /// Whether a backup would succeed.
    pub(crate) passes: bool,
    /// `null` for a pipe.
    pub(crate) bytes: Option<u64>,
}

/// A timer backs a source up.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "schedule_add")]
pub(crate) struct ScheduleAdded {
    /// The source's name.
    pub(crate) source: String,
    pub(crate) schedule: Schedule,
    /// The timer's name.
    pub(crate) unit: String,
    /// Files that were written.
    pub(crate) files: Vec<PathBuf>,
    /// Whether it also runs while the user is not signed in; `null` if that cannot be found out.
    pub(crate) while_signed_out: Option<bool>,
}

/// The schedules of saved sources.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "schedule_list")]
pub(crate) struct Schedules {
    pub(crate) schedules: Vec<Scheduled>,
    /// Whether the user's timers also run while the user is not signed in; `null` if that cannot be found out.
    pub(crate) while_signed_out: Option<bool>,
}

/// One source's schedule.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "scheduled")]
pub(crate) struct Scheduled {
    /// The source's id.
    pub(crate) id: String,
    /// The source's name.
    pub(crate) source: String,
    pub(crate) schedule: Schedule,
    /// Not due before this time, seconds since 1970; `null`: due now, or without a schedule.
    pub(crate) next: Option<i64>,
    /// `null` if it has none.
    pub(crate) timer: Option<Timer>,
    /// Whether the user's crontab starts it.
    pub(crate) crontab: bool,
}

/// A source has no schedule any more; its snapshots stay.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "schedule_remove")]
pub(crate) struct ScheduleRemoved {
    /// The source's name.
    pub(crate) source: String,
    /// Timers that were removed.
    pub(crate) timers: Vec<String>,
    /// Files of timers that were edited by hand, and stay.
    pub(crate) kept: Vec<PathBuf>,
    /// Whether the user's crontab still starts it.
    pub(crate) crontab: bool,
}

/// A timer's turn: a backup, or nothing to do.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "schedule_run")]
#[expect(dead_code, reason = "only its schema is used: each variant is printed where it is built")]
pub(crate) enum Turn {
    /// It was due.
    Done(Backup),
    /// It was not.
    Skipped(Skipped),
}

/// There was nothing to do.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "skipped")]
pub(crate) struct Skipped {
    /// The source's name.
    pub(crate) source: String,
    /// Why: `not_due` or `not_scheduled`.
    pub(crate) skipped: &'static str,
    /// When it is due, seconds since 1970; `null` without a schedule.
    pub(crate) next: Option<i64>,
}

/// This device's backup runs, newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "runs")]
pub(crate) struct Runs {
    pub(crate) runs: Vec<Run>,
}

/// One attempt to back up, restore, or verify.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "run")]
pub(crate) struct Run {
    pub(crate) id: String,
    /// `backup`, `restore`, `verify`.
    pub(crate) kind: &'static str,
    /// The source's name; `null` if it was about all sources, or ended before that was known.
    pub(crate) source: Option<String>,
    /// `postgres`, `file`, `stdin`.
    pub(crate) source_kind: Option<String>,
    /// Where a restore wrote to.
    pub(crate) target: Option<RunTarget>,
    pub(crate) state: RunState,
    /// The kind of error, if it failed; `interrupted` if it was killed.
    pub(crate) failure: Option<String>,
    /// Seconds since 1970.
    pub(crate) started: i64,
    /// The same, as in `2026-11-20T22:00:00Z`.
    pub(crate) started_at: String,
    /// Seconds since 1970; `null` while it is running.
    pub(crate) ended: Option<i64>,
    /// Bytes of the dump, or stored bytes that were verified; `null` while it is running.
    pub(crate) bytes_read: Option<u64>,
    /// The snapshot that it created, restored, or verified.
    pub(crate) snapshot_id: Option<String>,
}

/// Where a restore wrote to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "run_target")]
pub(crate) struct RunTarget {
    /// `file`, `database`, `stdout`.
    pub(crate) kind: &'static str,
    /// The path, or the address without secrets; `null` for standard output.
    pub(crate) name: Option<String>,
}

/// How a run ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "run_state")]
pub(crate) enum RunState {
    /// It has not ended.
    Running,
    /// It did what it was for.
    Done,
    /// It failed.
    Failed,
}

/// A run and its log.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "logs")]
pub(crate) struct Logged {
    pub(crate) run: Run,
    /// Empty for a run that is older than the newest 500.
    pub(crate) log: Vec<LogEntry>,
}

/// One line of a log.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "log_entry")]
pub(crate) struct LogEntry {
    /// Seconds since 1970.
    pub(crate) at: i64,
    /// The same, as in `2026-11-20T22:00:00Z`.
    pub(crate) at_time: String,
    /// `stage`, `note`, `warning`, and the three parts of an error: `error`, `meaning`, `next_step`.
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// The file was written.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "debug_bundle")]
pub(crate) struct Bundle {
    /// Its path.
    pub(crate) file: PathBuf,
    /// Its size.
    pub(crate) bytes: usize,
    /// What it holds, one line per section.
    pub(crate) holds: Vec<&'static str>,
}

/// The settings in effect.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "config")]
pub(crate) struct Config {
    /// The configuration file; `null` if no directory for it is known.
    pub(crate) file: Option<PathBuf>,
    /// Whether the file exists.
    pub(crate) exists: bool,
    pub(crate) settings: Vec<Setting>,
}

/// One setting.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "setting")]
pub(crate) struct Setting {
    /// Its key in the configuration file.
    pub(crate) name: &'static str,
    /// `null` if it is not set and has no default.
    pub(crate) value: Option<String>,
    /// Where the value is from: `option`, `environment`, `file` or `default`.
    pub(crate) from: &'static str,
    /// The variable for it.
    pub(crate) variable: Option<&'static str>,
    /// The option for it.
    pub(crate) option: &'static str,
}
