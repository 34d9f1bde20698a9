//! Ctrl-C: ends the current step, and the normal exit cleans up.

use std::{
    fs, process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

/// Whether the user asked to stop.
pub(crate) struct Stopped(Arc<AtomicBool>);

impl Stopped {
    pub(crate) fn was_stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Watches for SIGINT and SIGTERM from now on.
pub(crate) fn watch() -> Stopped {
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stopped);
    thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                flag.store(true, Ordering::SeqCst);
                end_steps();
            }
        });
    });
    Stopped(stopped)
}

/// Ends our children except the servers, which stop in order when their owners are dropped.
fn end_steps() {
    let own = process::id().to_string();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((head, tail)) = stat.rsplit_once(')') else { continue };
        let Some((pid, name)) = head.split_once(" (") else { continue };
        let ours = tail.split_whitespace().nth(1) == Some(own.as_str());
        if ours
            && !["postgres", "metadata-api"].contains(&name)
            && let Ok(pid) = pid.parse()
        {
            let _ = e2e::measure::signal(pid, Signal::TERM);
        }
    }
}
