//! `sealkeep snapshots`.

use client_core::{error::Error, ops::list};
use serde_json::json;

use super::Context;
use crate::{args::Snapshots, render};

pub(crate) async fn run(context: &Context, arguments: Snapshots) -> Result<(), Error> {
    let snapshots = list::snapshots(&context.client, arguments.source.as_deref()).await?;
    let rows: Vec<serde_json::Value> = snapshots
        .iter()
        .map(|s| {
            json!({
                "id": s.id,
                "source": s.source,
                "kind": s.kind,
                "created": s.created,
                "created_at": render::when(s.created),
                "bytes": s.bytes,
                "bytes_stored": s.bytes_stored,
                "sha256": s.sha256,
                "device": s.device,
                "device_name": s.device_name,
                "tool": s.tool,
            })
        })
        .collect();
    context.output.result(&json!({"snapshots": rows}), || {
        if snapshots.is_empty() {
            return "No snapshots yet. Make the first: sealkeep backup postgres://…".to_owned();
        }
        let rows: Vec<Vec<String>> = snapshots
            .iter()
            .map(|s| {
                vec![
                    client_core::ops::select::short(s.id),
                    render::when(s.created),
                    s.source.clone(),
                    render::bytes(s.bytes),
                    render::bytes(s.bytes_stored),
                    s.device_name.clone(),
                ]
            })
            .collect();
        render::table(&["SNAPSHOT", "TIME", "SOURCE", "SIZE", "ADDED", "DEVICE"], &rows)
    })
}
