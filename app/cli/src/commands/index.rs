//! `sealkeep index rebuild`.

use client_core::{error::Error, ops::rebuild_index};
use serde_json::json;

use super::Context;
use crate::args::{Index, IndexAction};

pub(crate) async fn run(context: &Context, arguments: Index) -> Result<(), Error> {
    match arguments.action {
        IndexAction::Rebuild => {
            let report = rebuild_index::rebuild_index(&context.client).await?;
            context.output.result(
                &json!({
                    "chunks": report.chunks,
                    "packs": report.packs,
                    "segments": report.segments,
                    "duration_ms": report.duration.as_millis(),
                }),
                || {
                    format!(
                        "Index rebuilt from the bucket: {} chunks in {} packs, {} segments, {:.1} s.",
                        report.chunks,
                        report.packs,
                        report.segments,
                        report.duration.as_secs_f64()
                    )
                },
            )
        }
    }
}
