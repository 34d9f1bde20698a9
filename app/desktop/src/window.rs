//! The engine's way to the window: the channel that it opened last.

use std::sync::{Arc, Mutex, PoisonError};

use tauri::ipc::Channel;

use crate::{engine::Window, view::RunView};

/// Where the window listens.
#[derive(Clone, Default)]
pub(crate) struct Listener(Arc<Mutex<Option<Channel<RunView>>>>);

impl Listener {
    pub(crate) fn set(&self, channel: Channel<RunView>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(channel);
    }
}

impl Window for Listener {
    fn run(&self, run: &RunView) {
        let mut listening = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A window that was closed or loaded anew does not listen any more.
        if listening.as_ref().is_some_and(|channel| channel.send(run.clone()).is_err()) {
            *listening = None;
        }
    }
}
