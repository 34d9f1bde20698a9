//! `sealkeep index rebuild | records`.

use client_core::{
    error::Error,
    ops::{rebuild_index, rebuild_records},
};

use super::Context;
use crate::{
    args::{Index, IndexAction},
    documents, plain, render,
};

pub(crate) async fn run(context: &Context, arguments: Index) -> Result<(), Error> {
    match arguments.action {
        IndexAction::Rebuild => {
            let report = rebuild_index::rebuild_index(&context.client).await?;
            context.output.result(
                &documents::IndexRebuilt {
                    chunks: report.chunks,
                    packs: report.packs,
                    segments: report.segments,
                    duration_ms: documents::millis(report.duration),
                },
                || {
                    plain!(
                        "Index rebuilt from the bucket: {} chunks in {} packs, {} segments, {} s.",
                        report.chunks,
                        report.packs,
                        report.segments,
                        format_args!("{:.1}", report.duration.as_secs_f64())
                    )
                },
            )
        }
        IndexAction::Records { source } => {
            let report = rebuild_records::rebuild_records(&context.client, source).await?;
            context.output.result(
                &documents::RecordsRebuilt {
                    source: report.source.clone(),
                    bytes_read: report.bytes_read,
                    record_list_bytes: report.list_bytes,
                    duration_ms: documents::millis(report.duration),
                },
                || {
                    plain!(
                        "Row list of {} rebuilt: {} read, the list takes {}, {} s.",
                        report.source,
                        render::bytes(report.bytes_read),
                        render::bytes(report.list_bytes),
                        format_args!("{:.1}", report.duration.as_secs_f64())
                    )
                },
            )
        }
    }
}
