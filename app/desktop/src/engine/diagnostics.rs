//! What somebody who helps needs to know. Nothing is sent: it is shown, and saved if the user wants.

use std::{
    path::{Path, PathBuf},
    sync::PoisonError,
};

use client_core::{error::Error, ops::debug_bundle, output};

use super::{Engine, onboarding::out_of_turn};
use crate::{settings, view::DiagnosticsView};

impl Engine {
    /// Collects it.
    pub(crate) fn diagnostics(&self) -> DiagnosticsView {
        let bundle = debug_bundle::collect(self.client(), &settings::command());
        let view = DiagnosticsView::from(bundle);
        view.text.clone_into(&mut self.diagnostics.lock().unwrap_or_else(PoisonError::into_inner));
        view
    }

    /// Saves what was shown. A new file is readable only by its owner.
    pub(crate) fn save_diagnostics(&self, path: &Path) -> Result<PathBuf, Error> {
        let shown = self.diagnostics.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if shown.is_empty() {
            return Err(out_of_turn());
        }
        output::save(path, shown.as_bytes(), 0o600)?;
        Ok(path.to_owned())
    }
}
