//! `sealkeep backup`.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use client_core::{
    error::Error,
    ops::backup::{self, BackupOptions, Gate},
    source::SourceSpec,
    unwrap::Unwrapped,
};
use serde_json::json;

use super::Context;
use crate::{args::Backup, render};

pub(crate) async fn run(context: &Context, arguments: Backup) -> Result<(), Error> {
    let Backup {
        url,
        file,
        stdin: _,
        name,
        same_source,
        no_record_list,
        no_unwrap,
        compression,
        limit_upload,
    } = arguments;
    let source = match (url, file) {
        (Some(url), _) => SourceSpec::postgres(&url)?,
        (None, Some(path)) => SourceSpec::File { path: absolute(&path)? },
        (None, None) => SourceSpec::Stdin { name: name.clone().unwrap_or_default() },
    };
    let options = BackupOptions {
        source,
        name,
        same_source,
        upload_limit: limit_upload.map(|kib| u64::from(kib) * 1024),
        record_list: !no_record_list,
        unwrap: !no_unwrap,
        level: compression,
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
            "verified_end": report.verified_end,
        }),
        || {
            let mut text = format!(
                "Snapshot {} of {}\n  read {}, new {}, uploaded {} in {:.1} s\n  SHA-256 {}\n  dumped by {}",
                backup::short(report.snapshot_id),
                report.source,
                render::bytes(report.bytes_read),
                render::bytes(report.bytes_new),
                render::bytes(report.bytes_uploaded),
                report.duration.as_secs_f64(),
                report.sha256,
                report.tool,
            );
            let Unwrapped { streams, kept, content, .. } = report.unwrapped;
            if streams > 0 {
                let content = render::bytes(content);
                write!(text, "\n  {streams} compressed streams stored as their content, {content}").ok();
            }
            if kept > 0 {
                write!(
                    text,
                    "\n  {kept} compressed streams stored as they are, for nothing here makes the same bytes again: \
                     each backup of them will be nearly as large as the first. \
                     Leave the compression out: Sealkeep compresses by itself."
                )
                .ok();
            }
            if !report.verified_end {
                text.push_str(
                    "\n  The format of this input is not known, so only its end of file says that it is whole.",
                );
            }
            text
        },
    )
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|e| Error::io(&path.display().to_string(), &e))
}
