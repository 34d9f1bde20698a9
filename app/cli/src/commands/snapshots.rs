//! `sealkeep snapshots`.

use client_core::{error::Error, ops::list};
use serde_json::json;

use super::Context;
use crate::{args::Snapshots, plain, render, table::Column};

pub(crate) async fn run(context: &Context, arguments: Snapshots) -> Result<(), Error> {
    let list::Listing { snapshots, unreadable } =
        list::snapshots(&context.client, arguments.source.as_deref()).await?;
    let rows: Vec<serde_json::Value> = snapshots
        .iter()
        .map(|s| {
            json!({
                "id": s.id,
                "source": s.source,
                "kind": s.kind,
                "place": s.place,
                "created": s.created,
                "created_at": render::when(s.created),
                "bytes": s.bytes,
                "bytes_stored": s.bytes_stored,
                "sha256": s.sha256,
                "device": s.device,
                "device_name": s.device_name,
                "tool": s.tool,
                "format": s.format,
                "verified_end": s.verified_end,
                "marks": render::mark_codes(&s.marks),
            })
        })
        .collect();
    let damaged: Vec<serde_json::Value> = unreadable
        .iter()
        .map(|s| {
            json!({
                "id": s.id,
                "source": s.source,
                "created": s.created,
                "created_at": render::when(s.created),
                "device": s.device,
                "device_name": s.device_name,
                "why": s.why.to_string(),
            })
        })
        .collect();
    context.output.result(&json!({"snapshots": rows, "unreadable": damaged}), || {
        if snapshots.is_empty() && unreadable.is_empty() {
            return plain!("No snapshots yet. Create the first one: sealkeep backup postgres://…");
        }
        let mut rows: Vec<(i64, Vec<String>)> = snapshots
            .iter()
            .map(|s| {
                let row = vec![
                    render::id(s.id),
                    render::time(s.created),
                    s.source.clone(),
                    s.place.clone(),
                    render::bytes(s.bytes),
                    render::bytes(s.bytes_stored),
                    s.device_name.clone(),
                    render::marks(&s.marks),
                ];
                (s.created, row)
            })
            .collect();
        rows.extend(unreadable.iter().map(|s| {
            let unknown = || "?".to_owned();
            let row = vec![
                render::id(s.id),
                render::time(s.created),
                s.source.clone().unwrap_or_else(unknown),
                unknown(),
                "cannot be opened".to_owned(),
                unknown(),
                s.device_name.clone().unwrap_or_else(unknown),
                s.why.to_string(),
            ];
            (s.created, row)
        }));
        if !unreadable.is_empty() {
            rows.sort_by_key(|(created, _)| std::cmp::Reverse(*created));
        }
        let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, row)| row).collect();
        let header: [Column; 8] = [
            "SNAPSHOT".into(),
            "TIME".into(),
            Column::name("SOURCE"),
            Column::name("FROM"),
            Column::number("SIZE"),
            Column::number("ADDED"),
            Column::name("DEVICE"),
            Column::name("NOTE"),
        ];
        // Columns to drop on a narrow terminal, least important first. `--json` has everything.
        render::fitting(&header, &rows, &["ADDED", "FROM", "DEVICE"])
    })
}
