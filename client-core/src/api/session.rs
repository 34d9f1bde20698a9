//! A session's tokens and their storage.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::device::{SessionKeeper, SessionTokens};

/// The current tokens and where they are stored.
pub(super) struct SessionState {
    pub(super) tokens: Mutex<SessionTokens>,
    pub(super) keeper: Option<Arc<dyn SessionKeeper>>,
}

impl SessionState {
    pub(super) fn new(tokens: SessionTokens) -> Self {
        Self { tokens: Mutex::new(tokens), keeper: None }
    }

    pub(super) fn renews(&self) -> bool {
        self.keeper.is_some()
    }
}
