//! `sealkeep snapshots`.

use client_core::{error::Error, ops::list};

use super::Context;
use crate::{args::Snapshots, documents, plain, render, table::Column};

pub(crate) async fn run(context: &Context, arguments: Snapshots) -> Result<(), Error> {
    let list::Listing { snapshots, unreadable } =
        list::snapshots(&context.client, arguments.source.as_deref()).await?;
    let document = documents::Snapshots {
        snapshots: snapshots.iter().map(document).collect(),
        unreadable: unreadable.iter().map(damaged).collect(),
    };
    context.output.result(&document, || {
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

fn document(snapshot: &list::SnapshotSummary) -> documents::Snapshot {
    documents::Snapshot {
        id: snapshot.id.to_string(),
        source: snapshot.source.clone(),
        kind: snapshot.kind.clone(),
        place: snapshot.place.clone(),
        created: snapshot.created,
        created_at: render::when(snapshot.created),
        bytes: snapshot.bytes,
        bytes_stored: snapshot.bytes_stored,
        sha256: snapshot.sha256.to_string(),
        device: snapshot.device.to_string(),
        device_name: snapshot.device_name.clone(),
        tool: snapshot.tool.clone(),
        format: snapshot.format.clone(),
        verified_end: snapshot.verified_end,
        marks: documents::marks(&snapshot.marks),
    }
}

fn damaged(snapshot: &list::UnreadableSnapshot) -> documents::Unreadable {
    documents::Unreadable {
        id: snapshot.id.to_string(),
        source: snapshot.source.clone(),
        created: snapshot.created,
        created_at: render::when(snapshot.created),
        device: snapshot.device.to_string(),
        device_name: snapshot.device_name.clone(),
        why: snapshot.why.to_string(),
    }
}
