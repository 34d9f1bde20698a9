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

/// The icon, if the system's library could create one. Whether the desktop shows it: [`is_shown`].
pub(crate) struct Tray<R: Runtime>(Option<Items<R>>);

/// The menu items whose text changes.
struct Items<R: Runtime> {
    state: MenuItem<R>,
    open: MenuItem<R>,
    back_up: MenuItem<R>,
    quit: MenuItem<R>,
}

impl<R: Runtime> Tray<R> {
    /// Shows the icon. If the system's icon library is missing there is none.
    pub(crate) fn show(app: &AppHandle<R>, on_quit: fn(&AppHandle<R>)) -> Self {
        // The binding panics if the library is not installed.
        match catch_unwind(AssertUnwindSafe(|| build(app, on_quit))) {
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

/// Whether the desktop shows icons of apps now. GNOME, for example, does not without an extension; then there is
/// nothing that could bring a hidden window back.
#[cfg(target_os = "linux")]
pub(crate) async fn is_shown() -> bool {
    const WATCHER: &str = "org.kde.StatusNotifierWatcher";
    const LONGEST: std::time::Duration = std::time::Duration::from_secs(2);
    let asked = async {
        let bus = zbus::Connection::session().await?;
        let names = zbus::fdo::DBusProxy::new(&bus).await?;
        let watcher = zbus::names::BusName::try_from(WATCHER)?;
        Ok::<_, zbus::Error>(names.name_has_owner(watcher).await?)
    };
    match tokio::time::timeout(LONGEST, asked).await {
        Ok(Ok(shown)) => shown,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the session bus does not say whether icons are shown");
            false
        }
        Err(_) => false,
    }
}

/// The system always shows them.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_async, reason = "on Linux the desktop is asked")]
pub(crate) async fn is_shown() -> bool {
    true
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

fn build<R: Runtime>(app: &AppHandle<R>, on_quit: fn(&AppHandle<R>)) -> tauri::Result<Items<R>> {
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
    let mut tray = TrayIconBuilder::new().menu(&menu).tooltip("Sealkeep").on_menu_event(move |app, event| {
        match event.id().as_ref() {
            OPEN => show(app),
            BACK_UP => {
                if let Err(error) = app.state::<Shared>().back_up_all() {
                    tracing::warn!(%error, "nothing was started");
                    show(app);
                }
            }
            QUIT => on_quit(app),
            _ => {}
        }
    });
    if let Some(icon) = app.default_window_icon() {
        tray = tray.icon(icon.clone());
    }
    tray.build(app)?;
    Ok(Items { state, open, back_up, quit })
}
