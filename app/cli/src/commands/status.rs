//! `sealkeep status`.

use client_core::{error::Error, ops::status};
use serde_json::json;

use super::{Context, signup::describe};
use crate::{plain, render, table::Column};

pub(crate) async fn run(context: &Context) -> Result<(), Error> {
    let status = status::status(&context.client).await?;
    let sources: Vec<serde_json::Value> = status
        .sources
        .iter()
        .map(|s| {
            json!({
                "source": s.name,
                "kind": s.kind,
                "place": s.place,
                "snapshots": s.snapshots,
                "last_snapshot": s.last_id,
                "last_created": s.last_created,
                "last_bytes": s.last_bytes,
                "last_marks": render::mark_codes(&s.last_marks),
            })
        })
        .collect();
    context.output.result(
        &json!({
            "account": describe(&status.account),
            "server": status.server,
            "storage": status.storage,
            "server_version": status.server_version,
            "sources": sources,
            "unreadable": status.unreadable.iter().map(|s| json!({"id": s.id, "why": s.why.to_string()})).collect::<Vec<_>>(),
            "record_lists_bytes": status.record_lists,
            "index": {"chunks": status.chunks, "packs": status.packs},
        }),
        || {
            let mut text = plain!(
                "{} · vault {} · region {}\ndevice \"{}\" ({}), keys in {}\nservice {} (version {})\nstorage {}\n\n",
                status.account.email,
                render::id(status.account.vault),
                status.account.region,
                status.account.device_name,
                render::id(status.account.device),
                status.account.keys_kept_in,
                status.server,
                status.server_version,
                status.storage,
            );
            for snapshot in &status.unreadable {
                let id = client_core::ops::select::short(snapshot.id);
                text.push(&plain!("Snapshot {} cannot be opened: {}\n", id, snapshot.why));
            }
            if status.sources.is_empty() {
                text.push(&plain!("No backups yet."));
                return text;
            }
            let rows: Vec<Vec<String>> = status
                .sources
                .iter()
                .map(|s| {
                    vec![
                        s.name.clone(),
                        s.place.clone(),
                        render::time(s.last_created),
                        render::bytes(s.last_bytes),
                        s.snapshots.to_string(),
                        render::marks(&s.last_marks),
                    ]
                })
                .collect();
            let header: [Column; 6] = [
                Column::name("SOURCE"),
                Column::name("FROM"),
                "LAST BACKUP".into(),
                Column::number("SIZE"),
                Column::number("SNAPSHOTS"),
                Column::name("NOTE"),
            ];
            text.push(&render::fitting(&header, &rows, &["FROM", "SNAPSHOTS"]));
            text
        },
    )
}
