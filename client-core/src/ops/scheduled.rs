//! Backs up a saved source: when its timer fires, or on demand. The app's own schedule and a timer never back up twice:
//! both read one journal, and one of them waits for the other.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Client,
    backup::{self, BackupOptions, BackupReport, Gate},
    due::{self, Turn},
    preferences,
    sources::{self, SavedSource},
};
use crate::{
    error::{Error, ErrorKind},
    event::{Event, Warning},
    text,
};

/// How often to look whether another backup of this device is over.
const LOOK: Duration = Duration::from_secs(5);

/// The outcome of a scheduled run.
#[derive(Debug)]
pub enum Scheduled {
    /// It was backed up.
    Done(Box<BackupReport>),
    /// There was nothing to do.
    Skipped(Turn),
}

/// Backs up a saved source if it is due. Waits while another backup of this device runs, and then looks again.
/// `upload_limit`: bytes per second, instead of the one in the preferences.
///
/// # Errors
/// Same as [`backup::backup`]; [`ErrorKind::NotFound`] if the source was removed.
pub async fn run(client: &Client, id: Uuid, upload_limit: Option<u64>) -> Result<Scheduled, Error> {
    let mut waits = false;
    loop {
        let source = sources::get(client, id)?;
        let turn = due::at_timer(client, &source)?;
        if turn != Turn::Due {
            return Ok(Scheduled::Skipped(turn));
        }
        let mut options = options(client, &source)?;
        options.upload_limit = upload_limit.or(options.upload_limit);
        match backup::backup(client, options).await {
            Err(error) if error.kind() == ErrorKind::Exists && error.is_retryable() => {
                if !std::mem::replace(&mut waits, true) {
                    let why = text!("{why}; waiting for it", why = error.text());
                    client.observer().event(&Event::Warning(Warning::Other(why)));
                }
            }
            ended => return ended.map(|report| Scheduled::Done(Box::new(report))),
        }
        tokio::select! {
            () = client.cancel().cancelled() => return Err(Error::cancelled()),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// The default backup options of a saved source.
///
/// # Errors
/// Its address no longer names a source, or the preferences cannot be read.
pub fn options(client: &Client, source: &SavedSource) -> Result<BackupOptions, Error> {
    Ok(BackupOptions {
        source: source.address.source()?,
        name: Some(source.name.clone()),
        former_names: source.former_names(),
        same_source: false,
        upload_limit: preferences::load(client)?.upload_limit,
        record_list: true,
        unwrap: true,
        level: None,
        force: false,
        gate: Gate::default(),
    })
}
