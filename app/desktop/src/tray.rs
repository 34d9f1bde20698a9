//! The icon in the desktop's panel: shows the state and offers the two most important actions.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tauri::{
    AppHandle, Manager, Runtime,
    menu::{Menu, MenuItem, PredefinedMenuItem},
    tray::TrayIconBuilder,
};

use crate::{
    engine::Shared,
    show,
    view::{Outcome, PanelWords, RunView},
};

const OPEN: &str = "open";
const BACK_UP: &str = "back-up";
const QUIT: &str = "quit";

/// Whether closing the window leaves the app running: only if there is an icon to reopen it.
pub(crate) struct Tray<R: Runtime>(Option<Items<R>>);

/// The menu items whose text changes.
struct Items<R: Runtime> {
    state: MenuItem<R>,
    open: MenuItem<R>,
    back_up: MenuItem<R>,
    quit: MenuItem<R>,
}

impl<R: Runtime> Tray<R> {
    /// Shows the icon. If the system's icon library is missing there is none, and closing the window ends the app.
    pub(crate) fn show(app: &AppHandle<R>) -> Self {
        // The binding panics if the library is not installed.
        match catch_unwind(AssertUnwindSafe(|| build(app))) {
            Ok(Ok(items)) => Self(Some(items)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "no icon in the system tray");
                Self(None)
            }
            Err(_) => {
                tracing::warn!("no icon in the system tray: libayatana-appindicator3 is not installed");
                Self(None)
            }
        }
    }

    pub(crate) const fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Shows the state of a run.
    pub(crate) fn show_run(&self, run: &RunView, words: &PanelWords) {
        if let Some(items) = &self.0 {
            // The panel may be gone; the window shows the same.
            drop(items.state.set_text(sentence(run, words)));
        }
    }

    /// Changes the language.
    pub(crate) fn set_words(&self, words: &PanelWords) {
        if let Some(Items { open, back_up, quit, .. }) = &self.0 {
            for (item, text) in [(open, &words.open), (back_up, &words.back_up), (quit, &words.quit)] {
                drop(item.set_text(text));
            }
        }
    }
}

fn sentence(run: &RunView, words: &PanelWords) -> String {
    let sentence = match &run.outcome {
        None => &words.working,
        Some(Outcome::Done { .. }) => &words.done,
        Some(Outcome::Failed { .. }) => &words.failed,
        Some(Outcome::Cancelled) => &words.stopped,
    };
    sentence.replace("{source}", &run.source)
}

fn build<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<Items<R>> {
    let item = |id: &str| MenuItem::with_id(app, id, "", true, None::<&str>);
    let (open, back_up, quit) = (item(OPEN)?, item(BACK_UP)?, item(QUIT)?);
    let state = MenuItem::new(app, "Sealkeep", false, None::<&str>)?;
    let menu = Menu::with_items(
        app,
        &[
            &state,
            &PredefinedMenuItem::separator(app)?,
            &open,
            &back_up,
            &PredefinedMenuItem::separator(app)?,
            &quit,
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
    Ok(Items { state, open, back_up, quit })
}
