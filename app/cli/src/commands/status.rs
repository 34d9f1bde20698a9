//! `sealkeep status`.

use client_core::{error::Error, ops::status};

use super::{Context, signup::describe};
use crate::{documents, plain, render, table::Column};

pub(crate) async fn run(context: &Context) -> Result<(), Error> {
    let status = status::status(&context.client).await?;
    let sources = status.sources.iter().map(|source| documents::SourceStatus {
        source: source.name.clone(),
        kind: source.kind.clone(),
        place: source.place.clone(),
        snapshots: source.snapshots,
        last_snapshot: source.last_id.to_string(),
        last_created: source.last_created,
        last_bytes: source.last_bytes,
        last_marks: documents::marks(&source.last_marks),
    });
    let unreadable = status.unreadable.iter().map(|snapshot| documents::UnreadableId {
        id: snapshot.id.to_string(),
        why: snapshot.why.to_string(),
    });
    context.output.result(
        &documents::Status {
            account: describe(&status.account),
            server: status.server.clone(),
            storage: status.storage.clone(),
            server_version: status.server_version.clone(),
            sources: sources.collect(),
            unreadable: unreadable.collect(),
            record_lists_bytes: status.record_lists,
            index: documents::Index { chunks: status.chunks, packs: status.packs },
        },
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
