//! Texts outside the page, in the window's language: the only catalog is in the window.

use serde::{Deserialize, Serialize};

/// Texts for the panel, the menu bar and notifications. `{source}` stands for a source's name, `{time}` for a time.
/// Empty until the window has sent them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct PanelWords {
    /// Menu: show the window.
    pub(crate) open: String,
    /// Menu: back everything up.
    pub(crate) back_up: String,
    /// Menu: end the app.
    pub(crate) quit: String,
    /// State: a run is in progress.
    pub(crate) working: String,
    /// State: it succeeded.
    pub(crate) done: String,
    /// State: it failed.
    pub(crate) failed: String,
    /// State: it was cancelled.
    pub(crate) stopped: String,
    /// Notification: a backup failed.
    pub(crate) backup_failed: String,
    /// Notification: backups work again.
    pub(crate) recovered: String,
    /// Notification: a backup is overdue.
    pub(crate) overdue: String,
    /// Below a notification of a problem.
    pub(crate) see_why: String,
    /// Notification: the window was closed.
    pub(crate) keeps_running: String,
    /// Below it: the next scheduled backup.
    pub(crate) next_backup: String,
    /// Below it: how to end the app.
    pub(crate) quit_from_tray: String,
    /// The menu bar.
    pub(crate) menu: MenuWords,
}

/// Texts of the menu bar.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct MenuWords {
    /// A menu.
    pub(crate) file: String,
    /// A menu.
    pub(crate) edit: String,
    /// A menu.
    pub(crate) view: String,
    /// A menu.
    pub(crate) window: String,
    /// A menu.
    pub(crate) help: String,
    /// The app's version.
    pub(crate) about: String,
    /// The system's services.
    pub(crate) services: String,
    /// Hides the app.
    pub(crate) hide: String,
    /// Hides all other apps.
    pub(crate) hide_others: String,
    /// Shows all apps.
    pub(crate) show_all: String,
    /// Closes the window.
    pub(crate) close: String,
    /// In a text field.
    pub(crate) undo: String,
    /// In a text field.
    pub(crate) redo: String,
    /// In a text field.
    pub(crate) cut: String,
    /// The selected text.
    pub(crate) copy: String,
    /// Into a text field.
    pub(crate) paste: String,
    /// In a text field.
    pub(crate) select_all: String,
    /// The window without a frame.
    pub(crate) full_screen: String,
    /// The window in the dock.
    pub(crate) minimize: String,
    /// The window as large as the screen.
    pub(crate) zoom: String,
    /// All windows.
    pub(crate) to_front: String,
    /// [`MenuAction::Add`]
    pub(crate) add: String,
    /// [`MenuAction::Search`]
    pub(crate) search: String,
    /// [`MenuAction::Home`]
    pub(crate) home: String,
    /// [`MenuAction::Snapshots`]
    pub(crate) snapshots: String,
    /// [`MenuAction::Devices`]
    pub(crate) devices: String,
    /// [`MenuAction::Activity`]
    pub(crate) activity: String,
    /// [`MenuAction::Settings`]
    pub(crate) settings: String,
    /// [`MenuAction::Palette`]
    pub(crate) palette: String,
    /// [`MenuAction::Shortcuts`]
    pub(crate) shortcuts: String,
    /// [`MenuAction::Quit`]
    pub(crate) quit: String,
}

/// A command of the palette, by its id there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(not(any(test, target_os = "macos")), expect(dead_code, reason = "only macOS has a menu bar"))]
pub(crate) enum MenuAction {
    /// Adds a database.
    Add,
    /// Goes to the page's search field.
    Search,
    /// Opens this page.
    Home,
    /// Opens this page.
    Snapshots,
    /// Opens this page.
    Devices,
    /// Opens this page.
    Activity,
    /// Opens this page.
    Settings,
    /// Opens the palette.
    Palette,
    /// Lists the shortcuts.
    Shortcuts,
    /// Ends the app; asks during a run.
    Quit,
}
