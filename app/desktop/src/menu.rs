//! The menu bar of macOS; other platforms have none. Its items do what the command palette does.

use tauri::{
    AppHandle, Runtime,
    menu::{
        AboutMetadata, HELP_SUBMENU_ID, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu,
        WINDOW_SUBMENU_ID,
    },
};

use crate::view::{MenuAction, MenuWords};

/// What an item does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Separator,
    /// A command of the palette, with its shortcut.
    Does(MenuAction, &'static str),
    /// What the system does by itself, with its own shortcut.
    System(System),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    About,
    Services,
    Hide,
    HideOthers,
    ShowAll,
    Close,
    Undo,
    Redo,
    Cut,
    Copy,
    Paste,
    SelectAll,
    FullScreen,
    Minimize,
    Zoom,
    ToFront,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    /// The app's: the system shows its name.
    App,
    File,
    Edit,
    View,
    Window,
    Help,
}

/// The menus and their items, in order.
const BAR: [(Name, &[Item]); 6] = {
    use Item::{Does, Separator, System as Sys};
    [
        (
            Name::App,
            &[
                Sys(System::About),
                Separator,
                Does(MenuAction::Settings, "CmdOrCtrl+,"),
                Separator,
                Sys(System::Services),
                Separator,
                Sys(System::Hide),
                Sys(System::HideOthers),
                Sys(System::ShowAll),
                Separator,
                // The system's own item would end the app without a question.
                Does(MenuAction::Quit, "CmdOrCtrl+Q"),
            ],
        ),
        (Name::File, &[Does(MenuAction::Add, "CmdOrCtrl+N"), Separator, Sys(System::Close)]),
        (
            Name::Edit,
            &[
                Sys(System::Undo),
                Sys(System::Redo),
                Separator,
                Sys(System::Cut),
                Sys(System::Copy),
                Sys(System::Paste),
                Sys(System::SelectAll),
                Separator,
                Does(MenuAction::Search, "CmdOrCtrl+F"),
            ],
        ),
        (
            Name::View,
            &[
                Does(MenuAction::Home, "CmdOrCtrl+1"),
                Does(MenuAction::Snapshots, "CmdOrCtrl+2"),
                Does(MenuAction::Devices, "CmdOrCtrl+3"),
                Does(MenuAction::Activity, "CmdOrCtrl+4"),
                Separator,
                Does(MenuAction::Palette, "CmdOrCtrl+K"),
                Separator,
                Sys(System::FullScreen),
            ],
        ),
        (Name::Window, &[Sys(System::Minimize), Sys(System::Zoom), Separator, Sys(System::ToFront)]),
        (Name::Help, &[Does(MenuAction::Shortcuts, "CmdOrCtrl+/")]),
    ]
};

/// The id of an item: no item of the icon's menu has the same.
const fn id(action: MenuAction) -> &'static str {
    match action {
        MenuAction::Add => "bar-add",
        MenuAction::Search => "bar-search",
        MenuAction::Home => "bar-home",
        MenuAction::Snapshots => "bar-snapshots",
        MenuAction::Devices => "bar-devices",
        MenuAction::Activity => "bar-activity",
        MenuAction::Settings => "bar-settings",
        MenuAction::Palette => "bar-palette",
        MenuAction::Shortcuts => "bar-shortcuts",
        MenuAction::Quit => "bar-quit",
    }
}

/// What the item with this id does; `None` for those of other menus.
pub(crate) fn action(of: &str) -> Option<MenuAction> {
    BAR.iter().flat_map(|(_, items)| items.iter()).find_map(|item| match item {
        Item::Does(action, _) if id(*action) == of => Some(*action),
        _ => None,
    })
}

/// Creates the bar in the window's language.
pub(crate) fn build<R: Runtime>(app: &AppHandle<R>, words: &MenuWords) -> tauri::Result<Menu<R>> {
    let bar = Menu::new(app)?;
    for (name, items) in BAR {
        let menu = match name {
            Name::App => Submenu::new(app, &app.package_info().name, true)?,
            Name::File => Submenu::new(app, &words.file, true)?,
            Name::Edit => Submenu::new(app, &words.edit, true)?,
            Name::View => Submenu::new(app, &words.view, true)?,
            // The system adds the windows, and a search field.
            Name::Window => Submenu::with_id(app, WINDOW_SUBMENU_ID, &words.window, true)?,
            Name::Help => Submenu::with_id(app, HELP_SUBMENU_ID, &words.help, true)?,
        };
        for item in items {
            let item: Box<dyn IsMenuItem<R>> = match *item {
                Item::Separator => Box::new(PredefinedMenuItem::separator(app)?),
                Item::System(item) => Box::new(system(app, item, words)?),
                Item::Does(action, keys) => {
                    Box::new(MenuItem::with_id(app, id(action), title(action, words), true, Some(keys))?)
                }
            };
            menu.append(&*item)?;
        }
        bar.append(&menu)?;
    }
    Ok(bar)
}

fn system<R: Runtime>(
    app: &AppHandle<R>,
    item: System,
    words: &MenuWords,
) -> tauri::Result<PredefinedMenuItem<R>> {
    match item {
        System::About => {
            let package = app.package_info();
            let about = AboutMetadata {
                name: Some(package.name.clone()),
                version: Some(package.version.to_string()),
                ..AboutMetadata::default()
            };
            PredefinedMenuItem::about(app, Some(&words.about), Some(about))
        }
        System::Services => PredefinedMenuItem::services(app, Some(&words.services)),
        System::Hide => PredefinedMenuItem::hide(app, Some(&words.hide)),
        System::HideOthers => PredefinedMenuItem::hide_others(app, Some(&words.hide_others)),
        System::ShowAll => PredefinedMenuItem::show_all(app, Some(&words.show_all)),
        System::Close => PredefinedMenuItem::close_window(app, Some(&words.close)),
        System::Undo => PredefinedMenuItem::undo(app, Some(&words.undo)),
        System::Redo => PredefinedMenuItem::redo(app, Some(&words.redo)),
        System::Cut => PredefinedMenuItem::cut(app, Some(&words.cut)),
        System::Copy => PredefinedMenuItem::copy(app, Some(&words.copy)),
        System::Paste => PredefinedMenuItem::paste(app, Some(&words.paste)),
        System::SelectAll => PredefinedMenuItem::select_all(app, Some(&words.select_all)),
        System::FullScreen => PredefinedMenuItem::fullscreen(app, Some(&words.full_screen)),
        System::Minimize => PredefinedMenuItem::minimize(app, Some(&words.minimize)),
        System::Zoom => PredefinedMenuItem::maximize(app, Some(&words.zoom)),
        System::ToFront => PredefinedMenuItem::bring_all_to_front(app, Some(&words.to_front)),
    }
}

fn title(action: MenuAction, words: &MenuWords) -> &str {
    match action {
        MenuAction::Add => &words.add,
        MenuAction::Search => &words.search,
        MenuAction::Home => &words.home,
        MenuAction::Snapshots => &words.snapshots,
        MenuAction::Devices => &words.devices,
        MenuAction::Activity => &words.activity,
        MenuAction::Settings => &words.settings,
        MenuAction::Palette => &words.palette,
        MenuAction::Shortcuts => &words.shortcuts,
        MenuAction::Quit => &words.quit,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tauri::Wry;

    use super::*;

    /// Creating it needs a display; that it compiles everywhere is checked here.
    const _: fn(&AppHandle<Wry>, &MenuWords) -> tauri::Result<Menu<Wry>> = build::<Wry>;

    fn does() -> Vec<(MenuAction, &'static str)> {
        let items = BAR.iter().flat_map(|(_, items)| items.iter());
        let does = items.filter_map(|item| match item {
            Item::Does(action, keys) => Some((*action, *keys)),
            _ => None,
        });
        does.collect()
    }

    #[test]
    fn each_command_stands_in_the_bar_once_with_keys_of_its_own() {
        let all = does();
        let ids: BTreeSet<_> = all.iter().map(|(action, _)| id(*action)).collect();
        let keys: BTreeSet<_> = all.iter().map(|(_, keys)| *keys).collect();
        assert_eq!((ids.len(), keys.len()), (all.len(), all.len()));
        assert_eq!(all.len(), 10, "every MenuAction");
        for (wanted, _) in all {
            assert_eq!(action(id(wanted)), Some(wanted));
        }
        for of_the_icon in ["open", "back-up", "quit", ""] {
            assert_eq!(action(of_the_icon), None);
        }
    }

    #[test]
    fn each_command_has_its_own_words() {
        let words = MenuWords {
            add: "add".into(),
            search: "search".into(),
            home: "home".into(),
            snapshots: "snapshots".into(),
            devices: "devices".into(),
            activity: "activity".into(),
            settings: "settings".into(),
            palette: "palette".into(),
            shortcuts: "shortcuts".into(),
            quit: "quit".into(),
            ..MenuWords::default()
        };
        for (action, _) in does() {
            assert_eq!(format!("bar-{}", title(action, &words)), id(action));
        }
    }

    #[test]
    fn text_fields_have_their_menu_and_nothing_ends_the_app_unasked() {
        let (_, edit) =
            BAR.iter().find(|(name, _)| *name == Name::Edit).copied().unwrap_or((Name::Edit, &[]));
        for item in [System::Cut, System::Copy, System::Paste, System::SelectAll] {
            assert!(edit.contains(&Item::System(item)), "{item:?}");
        }
        assert_eq!(action("bar-quit"), Some(MenuAction::Quit));
    }
}
