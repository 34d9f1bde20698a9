//! `sealkeep backup`.

use std::path::{Path, PathBuf};

use client_core::{
    error::{Error, ErrorKind},
    ops::{
        backup::{self, BackupOptions, Gate},
        list::Mark,
    },
    shell::quoted,
    source,
    unwrap::Unwrapped,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::Context;
use crate::{
    args::{Backup, DATABASE_URL},
    database_url, plain, render,
};

/// Alternatives for a URL that must contain its password.
const INSTEAD: &str = "put the URL into a file and name it with --url-file, or into SEALKEEP_DATABASE_URL";

pub(crate) async fn run(context: &Context, arguments: Backup) -> Result<(), Error> {
    let Backup {
        url,
        url_file,
        allow_password_in_arguments: allowed,
        file,
        stdin,
        force,
        name,
        same_source,
        no_record_list,
        no_unwrap,
        compression,
        limit_upload,
    } = arguments;
    let from_environment = || std::env::var(DATABASE_URL).ok().filter(|url| !url.is_empty());
    let url = match (url, url_file) {
        (Some(url), _) => Some(database_url::from_argument(url, allowed, Some(INSTEAD))?),
        (None, Some(path)) => Some(database_url::from_file(&path)?),
        (None, None) if file.is_none() && !stdin => from_environment().map(SecretString::from),
        (None, None) => None,
    };
    let source = match (url, file) {
        (Some(url), _) => {
            let url = url.expose_secret();
            source::connection(url).map_err(|error| suggest(url, error.into()))?
        }
        (None, Some(path)) => source::file(absolute(&path)?),
        (None, None) => source::stdin(name.clone().unwrap_or_default()),
    };
    let options = BackupOptions {
        source,
        name,
        same_source,
        upload_limit: limit_upload.map(|kib| u64::from(kib) * 1024),
        record_list: !no_record_list,
        unwrap: !no_unwrap,
        level: compression,
        force,
        gate: Gate::default(),
    };
    let report = backup::backup(&context.client, options).await?;
    context.output.result(
        &json!({
            "snapshot_id": report.snapshot_id,
            "source": report.source,
            "bytes_read": report.bytes_read,
            "bytes_new": report.bytes_new,
            "bytes_uploaded": report.bytes_uploaded,
            "chunks": report.chunks,
            "chunks_new": report.chunks_new,
            "duration_ms": report.duration.as_millis(),
            "sha256": report.sha256,
            "tool": report.tool,
            "unwrapped": {
                "streams": report.unwrapped.streams,
                "kept": report.unwrapped.kept,
                "content_bytes": report.unwrapped.content,
            },
            "record_list_bytes": report.record_list_bytes,
            "format": report.format,
            "verified_end": report.verified_end,
            "marks": render::mark_codes(&report.marks()),
        }),
        || {
            let mut text = plain!(
                "Snapshot {} of {}\n  read {}, new {}, uploaded {} in {} s\n  SHA-256 {}\n  dumped by {}",
                backup::short(report.snapshot_id),
                report.source,
                render::bytes(report.bytes_read),
                render::bytes(report.bytes_new),
                render::bytes(report.bytes_uploaded),
                format_args!("{:.1}", report.duration.as_secs_f64()),
                report.sha256,
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
                    "\n  {} compressed streams stored as they are, because they cannot be reproduced bit for bit: \
                     each backup of them will be nearly as large as the first. \
                     Leave the compression out: Sealkeep compresses by itself.",
                    kept
                ));
            }
            for mark in report.marks() {
                text.push(&match mark {
                    Mark::UnknownFormat => plain!(
                        "\n  The format of this input is not known, so only its end of file says that it is whole."
                    ),
                    Mark::EndNotChecked => plain!(
                        "\n  Nothing in this format says where it ends, so only its end of file says that it is whole."
                    ),
                    Mark::Smaller => plain!("\n  It is smaller than usual."),
                    Mark::OtherFormat => plain!("\n  It is of another format than the last one."),
                    Mark::ChangedWhileRead => {
                        plain!("\n  The file changed while it was read: parts may not fit together.")
                    }
                });
            }
            text
        },
    )
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
            "only a PostgreSQL database is named by its URL",
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
        format!("`{typed}` is not the URL of a database"),
        "nothing was changed",
        format!("did you mean `sealkeep backup --file {}`", quoted(typed)),
    )
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|e| Error::io(&path.display().to_string(), &e))
}
