//! The icon in the desktop's panel: how things are, and the two things one wants from there.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tauri::{
    AppHandle, Manager, Runtime,
    menu::{Menu, MenuItem, PredefinedMenuItem},
    tray::TrayIconBuilder,
};

use crate::{
    engine::Shared,
    show,
    view::{Outcome, RunView},
};

const OPEN: &str = "open";
const BACK_UP: &str = "back-up";
const QUIT: &str = "quit";

/// Whether closing the window leaves the app running: only with an icon to bring it back.
pub(crate) struct Tray<R: Runtime>(Option<MenuItem<R>>);

impl<R: Runtime> Tray<R> {
    /// Shows the icon. Without the system's library for icons there is none, and closing the window ends the app.
    pub(crate) fn show(app: &AppHandle<R>) -> Self {
        // The binding panics when the library is not installed.
        match catch_unwind(AssertUnwindSafe(|| build(app))) {
            Ok(Ok(state)) => Self(Some(state)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "no icon in the panel");
                Self(None)
            }
            Err(_) => {
                tracing::warn!("no icon in the panel: libayatana-appindicator3 is not installed");
                Self(None)
            }
        }
    }

    pub(crate) const fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Says what goes on.
    pub(crate) fn tell(&self, run: &RunView) {
        if let Some(state) = &self.0 {
            // The panel may be gone; the window says the same.
            drop(state.set_text(sentence(run)));
        }
    }
}

fn sentence(run: &RunView) -> String {
    let source = &run.source;
    match &run.outcome {
        None => format!("{source}: working"),
        Some(Outcome::Done { .. }) => format!("{source}: done"),
        Some(Outcome::Failed { .. }) => format!("{source}: failed"),
        Some(Outcome::Cancelled) => format!("{source}: stopped"),
    }
}

fn build<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<MenuItem<R>> {
    let state = MenuItem::new(app, "Sealkeep", false, None::<&str>)?;
    let menu = Menu::with_items(
        app,
        &[
            &state,
            &PredefinedMenuItem::separator(app)?,
            &MenuItem::with_id(app, OPEN, "Open Sealkeep", true, None::<&str>)?,
            &MenuItem::with_id(app, BACK_UP, "Back up now", true, None::<&str>)?,
            &PredefinedMenuItem::separator(app)?,
            &MenuItem::with_id(app, QUIT, "Quit", true, None::<&str>)?,
        ],
    )?;
    let mut tray = TrayIconBuilder::new().menu(&menu).tooltip("Sealkeep").on_menu_event(|app, event| {
        match event.id().as_ref() {
            OPEN => show(app),
            BACK_UP => {
                if let Err(error) = app.state::<Shared>().back_up_all() {
                    tracing::warn!(%error, "nothing was started");
                    show(app);
                }
            }
            QUIT => app.exit(0),
            _ => {}
        }
    });
    if let Some(icon) = app.default_window_icon() {
        tray = tray.icon(icon.clone());
    }
    tray.build(app)?;
    Ok(state)
}
