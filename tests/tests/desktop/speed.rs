//! A vault of 200 sources and 5,000 snapshots in the real window. The program's own answer is multiplied on its way to
//! the page, because 5,000 backups would take an hour.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests; measurements are printed")]

use std::fs;

use e2e::{Stage, files};

use crate::{add_source, keep_kit, make_account, open};

const SCRIPT: &str = include_str!("../../../ui/tests/speed.js");
/// List nodes in the document.
const NODES: u64 = 300;
/// Script and layout of a scroll event at the 95th percentile, and opening a source, milliseconds.
const SCROLL: f64 = 8.0;
const OPEN: f64 = 300.0;
/// For debug builds on machines that do other work, too. The printed numbers are what counts.
const MARGIN: f64 = 5.0;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: LONG=1"]
async fn two_hundred_sources_and_five_thousand_snapshots_are_quick() {
    let stage = Stage::shared().unwrap();
    let home = files::temporary().unwrap();
    let dump = home.path().join("model.dump");
    fs::write(&dump, files::noise(7, 100_000)).unwrap();
    let window = open(&stage.service, home.path()).await;
    make_account(&window, "large@example.com").await;
    keep_kit(&window).await;
    window
        .run(&format!("{SCRIPT}; speed.feed(200, 5000); arguments[arguments.length - 1](null)"))
        .await
        .unwrap();
    // The overview is read again after a backup.
    add_source(&window, &dump.display().to_string()).await;
    window.says("20 databases need attention").await.unwrap();

    let script = "const done = arguments[arguments.length - 1]; \
                  speed.measured().then(done, (error) => done(String(error)))";
    let found = window.run(script).await.unwrap();
    println!("200 sources, 5,000 snapshots (nodes; milliseconds): {found}");
    for view in ["home", "source", "snapshots"] {
        let nodes = found[view]["nodes"].as_u64().unwrap();
        assert!(nodes > 20 && nodes <= NODES, "{view}: {nodes} list nodes");
        let scroll = found[view]["scroll"].as_f64().unwrap();
        assert!(scroll <= SCROLL * MARGIN, "{view}: {scroll} ms for a scroll event");
    }
    let opens = found["source"]["open"].as_f64().unwrap();
    assert!(opens <= OPEN * MARGIN, "a source opens in {opens} ms");
}
