//! An engine of which the core knows only the traits passes the operations that command and window use. Saved sources
//! and selection by name look an engine up in `ENGINES`, a constant list, so nothing here covers them.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../../../client-core/tests/ports/engines/toy.rs"]
mod toy;

use std::{sync::Arc, time::Duration};

use client_core::{
    event::Silent,
    ops::{
        Client, Settings,
        backup::{BackupOptions, Gate, backup},
        probe::probe,
        restore::{Destination, RestoreOptions, restore},
        select::Selector,
    },
    source::{AnySource, Engine as _, RestoreChoices},
};
use e2e::Stage;
use tokio_util::sync::CancellationToken;

fn named(name: &str) -> AnySource {
    toy::Toy.source(&format!("toy://{name}")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_implements_the_traits_is_backed_up_and_restored() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let settings = Settings {
        home: Some(device.home()),
        server: stage.service.url().to_owned(),
        storage_origin: None,
        stall: Duration::from_secs(45),
        patience: Duration::from_secs(15),
        keystore_passphrase: None,
    };
    let client = Client::new(settings, Arc::new(Silent), CancellationToken::new()).unwrap();
    let rows: String = (0..100_000).map(|row| format!("row {row}\n")).collect();
    toy::fill("shop", &rows);

    assert!(probe(named("shop")).await.unwrap().passes());
    let options = BackupOptions {
        source: named("shop"),
        name: None,
        former_names: Vec::new(),
        same_source: false,
        upload_limit: None,
        record_list: true,
        unwrap: true,
        level: None,
        force: false,
        gate: Gate::default(),
    };
    let report = backup(&client, options).await.unwrap();
    assert_eq!((report.source.as_str(), report.bytes_read), ("shop", rows.len() as u64));
    let listed = device.call(["snapshots"]).ok().unwrap();
    assert_eq!(listed["snapshots"][0]["source"], "shop", "{listed}");

    let into = |name: &str, overwrite: bool| RestoreOptions {
        snapshot: Selector::Id(report.snapshot_id.to_string()),
        source: None,
        destination: Destination::Database {
            database: named(name),
            choices: Box::new(RestoreChoices { overwrite, ..RestoreChoices::default() }),
            onto_source: false,
            to_copy_of_source: false,
        },
        partial: false,
    };
    restore(&client, into("back", false)).await.unwrap();
    assert!(toy::content("back") == Some(rows.clone()));
    // Neither what exists nor the source itself is replaced unasked.
    toy::fill("back", "other");
    assert!(restore(&client, into("back", false)).await.is_err());
    assert_eq!(toy::content("back").as_deref(), Some("other"));
    toy::fill("shop", "changed since");
    assert!(restore(&client, into("shop", true)).await.is_err());
    assert_eq!(toy::content("shop").as_deref(), Some("changed since"));
}
