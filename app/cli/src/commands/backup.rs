//! `sealkeep backup`.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use client_core::{
    error::{Error, ErrorKind},
    ops::{
        backup::{self, BackupOptions, BackupReport, Gate},
        find_source,
        list::Mark,
        scheduled,
        sources::SavedSource,
    },
    shell::quoted,
    source, text,
    unwrap::Unwrapped,
};
use secrecy::{ExposeSecret, SecretString};

use super::Context;
use crate::{
    args::{Backup, DATABASE_URL},
    database_url, documents, plain, render,
};

/// The unit of upload limits.
pub(super) const KB: u64 = 1000;

/// Alternatives for a URL that must contain its password.
const INSTEAD: &str = "put the URL into a file and name it with --url-file, or into SEALKEEP_DATABASE_URL";

pub(crate) async fn run(context: &Context, arguments: Backup) -> Result<(), Error> {
    let Backup {
        url,
        url_file,
        allow_password_in_arguments: allowed,
        file,
        stdin,
        source: saved,
        force,
        name,
        same_source,
        no_record_list,
        no_unwrap,
        compression,
        limit_upload,
    } = arguments;
    let saved = match saved {
        Some(typed) => Some(find_source::find(&context.client, &typed)?),
        None => url.as_deref().filter(|_| name.is_none()).and_then(|typed| named(context, typed)),
    };
    let (former_names, defaults) = match &saved {
        Some(saved) => (saved.former_names(), scheduled::options(&context.client, saved)?.upload_limit),
        None => (Vec::new(), None),
    };
    let from_environment = || std::env::var(DATABASE_URL).ok().filter(|url| !url.is_empty());
    let url = match (url, url_file) {
        _ if saved.is_some() => None,
        (Some(url), _) => Some(database_url::from_argument(url, allowed, Some(INSTEAD))?),
        (None, Some(path)) => Some(database_url::from_file(&path)?),
        (None, None) if file.is_none() && !stdin => from_environment().map(SecretString::from),
        (None, None) => None,
    };
    let source = match (&saved, url, file) {
        (Some(saved), _, _) => saved.address.source()?,
        (None, Some(url), _) => {
            let url = url.expose_secret();
            source::connection(url).map_err(|error| suggest(url, error.into()))?
        }
        (None, None, Some(path)) => source::file(absolute(&path)?),
        (None, None, None) => {
            if io::stdin().is_terminal() {
                context
                    .output
                    .result_on_stderr(&plain!("Reading the dump from the terminal; Ctrl-D ends it."))?;
            }
            source::stdin(name.clone().unwrap_or_default())
        }
    };
    let options = BackupOptions {
        source,
        name: saved.map(|saved| saved.name).or(name),
        former_names,
        same_source,
        upload_limit: limit_upload.or(context.limit_upload).map(|limit| u64::from(limit) * KB).or(defaults),
        record_list: !no_record_list,
        unwrap: !no_unwrap,
        level: compression,
        force,
        gate: Gate::default(),
    };
    show(context, &backup::backup(&context.client, options).await?)
}

/// The saved source of exactly this name. A URL is never one, and neither is anything on a device without sources.
fn named(context: &Context, typed: &str) -> Option<SavedSource> {
    if source::engine_of(typed).is_some() {
        return None;
    }
    find_source::find(&context.client, typed).ok().filter(|found| found.name == typed)
}

/// Prints the report of a backup.
pub(super) fn show(context: &Context, report: &BackupReport) -> Result<(), Error> {
    context.output.result(
        &document(report),
        || {
            let mut text = plain!(
                "Snapshot {} of {}\n  read {}, new {}, uploaded {} in {} s\n  SHA-256 {}\n  {} {}",
                backup::short(report.snapshot_id),
                report.source,
                render::bytes(report.bytes_read),
                render::bytes(report.bytes_new),
                render::bytes(report.bytes_uploaded),
                format_args!("{:.1}", report.duration.as_secs_f64()),
                report.sha256,
                if report.tool == report.format { "format:" } else { "dumped by" },
                report.tool,
            );
            let Unwrapped { streams, kept, content, .. } = report.unwrapped;
            if streams > 0 {
                text.push(&plain!(
                    "\n  {} compressed streams stored as their content, {}",
                    streams,
                    render::bytes(content)
                ));
            }
            if kept > 0 {
                text.push(&plain!(
                    "\n  {} compressed streams stored unchanged, because they cannot be reproduced bit for bit: \
                     each backup of them will be nearly as large as the first. \
                     Turn the compression off: Sealkeep compresses the data itself.",
                    kept
                ));
            }
            for mark in report.marks() {
                text.push(&match mark {
                    Mark::UnknownFormat => plain!(
                        "\n  Unknown format: whether the dump is complete could not be verified."
                    ),
                    Mark::EndNotChecked => plain!(
                        "\n  This format does not mark its end: whether the dump is complete could not be verified."
                    ),
                    Mark::Smaller => plain!("\n  It is smaller than usual."),
                    Mark::OtherFormat => plain!("\n  It has a different format than the last one."),
                    Mark::ChangedWhileRead => {
                        plain!("\n  The file changed while being read: its parts may be inconsistent.")
                    }
                });
            }
            text
        },
    )
}

fn document(report: &BackupReport) -> documents::Backup {
    documents::Backup {
        snapshot_id: report.snapshot_id.to_string(),
        source: report.source.clone(),
        bytes_read: report.bytes_read,
        bytes_new: report.bytes_new,
        bytes_uploaded: report.bytes_uploaded,
        chunks: report.chunks,
        chunks_new: report.chunks_new,
        duration_ms: documents::millis(report.duration),
        sha256: report.sha256.to_string(),
        tool: report.tool.clone(),
        unwrapped: documents::Unwrapped {
            streams: report.unwrapped.streams,
            kept: report.unwrapped.kept,
            content_bytes: report.unwrapped.content,
        },
        record_list_bytes: report.record_list_bytes,
        format: report.format.clone(),
        verified_end: report.verified_end,
        marks: documents::marks(&report.marks()),
    }
}

/// Databases that are backed up by piping their own program's dump.
const PIPED: [(&str, &str); 3] = [
    ("mysql://", "mysqldump --single-transaction"),
    ("mariadb://", "mariadb-dump --single-transaction"),
    ("mongodb://", "mongodump --archive --db"),
];

/// For a path or another kind of database given instead of a URL: says how to back that up.
fn suggest(typed: &str, error: Error) -> Error {
    if let Some((_, dump)) = PIPED.iter().find(|(scheme, _)| typed.starts_with(scheme)) {
        return Error::new(
            ErrorKind::Usage,
            text!("only a PostgreSQL database is named by its URL"),
            "nothing was changed",
            format!("pipe the dump in: `{dump} shop | sealkeep backup --stdin --name shop`"),
        );
    }
    let path = Path::new(typed);
    // Anything that looks like a connection may contain a password.
    let looks = path.exists()
        || (!typed.contains("://")
            && !typed.contains('=')
            && (path.extension().is_some() || typed.contains('/')));
    if error.kind() != ErrorKind::Usage || !looks {
        return error;
    }
    Error::new(
        ErrorKind::Usage,
        text!("`{typed}` is not the URL of a database", typed),
        "nothing was changed",
        format!("did you mean `sealkeep backup --file {}`", quoted(typed)),
    )
}

pub(super) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|e| Error::io(&path.display().to_string(), &e))
}
