//! The desktop window. Backup logic is in client-core.
//!
//! ```text
//!  ui/src       views, state, ipc/client.ts  <---------------+
//!                 | invoke                                   |
//!                 v                                 Channel: |
//!  commands     one function a call;                RunView, |
//!                 | answers with a view            WaitView, |
//!                 | or UiError                          Link |
//!                 |                                          |
//!                 |          tray, menu: back up all         |
//!                 v            v                             |
//!  engine       Engine: one device, one run at a time        |
//!                 |     schedule: is anything due?           |
//!                 |                                          |
//!                 +-- trait Window --> window::Listener -----+
//!                 |                      ^ +--> tray, state
//!                 |  sealkeep:// links --+ +--> notifications
//!                 |      menu bar, close --+
//!                 |
//!                 | options, Gate, CancellationToken
//!                 v
//!  client_core::ops -- Event --> engine::progress, engine::waits
//!                                  +--> Window: four times a second
//! ```
//!
//! `engine` is independent of Tauri. It owns what outlives a call: the run and its progress, the current step of
//! sign-up or sign-in, the queue, and the schedule's loop (`engine/schedule.rs`), which `main` starts. A run continues
//! while the window is hidden. `commands` call the engine, or `ops` with the engine's client.
//!
//! - Data for the window: a type in `view`; a test writes it as TypeScript to `ui/src/bindings`.
//! - A failure: `error::UiError`, whose code is finer than `ErrorKind`; `ui/src/words` has a sentence for it.
//! - A refusal that the user can override: `view::Choice`; `engine/request.rs` repeats the run with it.
//! - Permission for a command: its name in `build.rs` and in `capabilities/main-window.json`. Plugins get none, but
//!   macOS prints through Tauri (`capabilities/print.json`).
//! - Closing the window, quitting: `closing` decides whether the app ends, stays in the tray, or the window asks.
//! - The menu bar of macOS: `menu::BAR`; its items are commands of the palette, by `view::MenuAction`.
//! - A link, `sealkeep://…`: `link::Link`. It opens a view and starts nothing.
//! - Paths and addresses: `settings`, from the same variables as the CLI.
//!
//! ```text
//! layers
//! commands
//! closing
//! window
//! tray menu
//! engine
//! view
//! error link settings
//! text
//! ```
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod closing;
mod commands;
mod engine;
mod error;
mod link;
#[cfg(any(test, target_os = "macos"))]
mod menu;
mod settings;
mod text;
mod tray;
mod view;
mod window;

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use api_types::unseen;
use client_core::process_guard::guard_memory;
use tauri::{Builder, Manager, Runtime, WindowEvent, Wry};
use tauri_plugin_deep_link::DeepLinkExt;
use tauri_plugin_window_state::StateFlags;
use tracing_subscriber::{
    EnvFilter,
    fmt::{MakeWriter, format::FmtSpan},
};

use self::{
    closing::{Asked, Wish},
    engine::{Engine, Shared},
    link::Link,
    tray::Tray,
    window::Listener,
};

fn main() -> ExitCode {
    guard_memory();
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_env("SEALKEEP_LOG")
                .or_else(|_| EnvFilter::try_from_default_env())
                .unwrap_or_else(|_| EnvFilter::new("off")),
        )
        // Logs how long each stage was busy and idle.
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(Log)
        .init();
    let listener = Listener::default();
    let fixed_server = settings::given_server().is_some();
    let engine = match Engine::new(settings::from_environment(), fixed_server, Arc::new(listener.clone())) {
        Ok(engine) => Arc::new(engine),
        Err(error) => return failed(&format!("{}; {}", error.happened(), error.next_step())),
    };
    let (scheduled, attached) = (Arc::clone(&engine), listener.clone());
    let hidden = env::args().any(|argument| argument == settings::IN_THE_PANEL);
    let mut builder = Builder::<Wry>::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| show(app)))
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_autostart::Builder::new().arg(settings::IN_THE_PANEL).build())
        .plugin(
            tauri_plugin_window_state::Builder::default()
                .with_state_flags(StateFlags::all() & !StateFlags::VISIBLE)
                .build(),
        )
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_opener::init())
        .setup(move |app| {
            let tray = Tray::show(app.handle(), |app| closing::begin(app, Wish::Quit));
            if !(hidden && tray.is_there()) {
                show(app.handle());
            }
            app.manage(tray);
            follow_links(app.handle(), &attached);
            attached.attach(app.handle());
            tauri::async_runtime::spawn(scheduled.run_schedule());
            Ok(())
        })
        .on_window_event(|window, event| {
            if let WindowEvent::CloseRequested { api, .. } = event {
                api.prevent_close();
                closing::begin(window.app_handle(), Wish::Close);
            }
        });
    #[cfg(target_os = "macos")]
    {
        builder = builder.on_menu_event(|app, event| follow_menu(app, event.id().as_ref()));
    }
    if let Some(key) = settings::UPDATE_KEY {
        builder = builder.plugin(tauri_plugin_updater::Builder::new().pubkey(key).build());
    }
    match with_commands(builder, engine, listener).run(tauri::generate_context!("../../tauri.conf.json")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("the window could not be opened: {error}")),
    }
}

/// Every command of the window; shared with tests.
fn with_commands<R: Runtime>(builder: Builder<R>, engine: Shared, listener: Listener) -> Builder<R> {
    use commands as c;
    builder.manage(engine).manage(listener).manage(Asked::default()).invoke_handler(tauri::generate_handler![
        c::app_info,
        c::licenses,
        c::preferences,
        c::set_upload_limit,
        c::set_autostart,
        c::set_on_close,
        c::set_tray_labels,
        c::update_check,
        c::update_install,
        c::diagnostics,
        c::save_diagnostics,
        c::choose_file,
        c::choose_new_file,
        c::open_folder,
        c::show_in_folder,
        c::session,
        c::password_strength,
        c::sign_up,
        c::sign_up_code,
        c::sign_in,
        c::sign_in_factor,
        c::sign_in_words,
        c::sign_in_kit,
        c::words_typed,
        c::start_over,
        c::check_service,
        c::choose_service,
        c::save_kit,
        c::save_codes,
        c::kit_words,
        c::kit_file,
        c::change_password,
        c::renew_codes,
        c::new_authenticator,
        c::confirm_authenticator,
        c::sign_out,
        c::device_list,
        c::revoke_device,
        c::activity_list,
        c::overview,
        c::probe_source,
        c::add_source,
        c::set_schedule,
        c::remove_source,
        c::edit_source,
        c::source_connection,
        c::source_runs,
        c::run_log,
        c::snapshot_details,
        c::compare_snapshots,
        c::watch_links,
        c::watch_signals,
        c::leaving,
        c::leave,
        c::quit,
        c::watch_runs,
        c::watch_waits,
        c::current_run,
        c::start_backup,
        c::start_verify,
        c::start_restore,
        c::run_again,
        c::restore_command_line,
        c::restore_suggestion,
        c::check_target,
        c::cancel_run,
        c::pause_run,
        c::dismiss_run,
    ])
}

/// Handles the menu bar.
#[cfg(target_os = "macos")]
fn follow_menu<R: Runtime>(app: &tauri::AppHandle<R>, item: &str) {
    match menu::action(item) {
        None => {}
        Some(view::MenuAction::Quit) => closing::begin(app, Wish::Quit),
        Some(action) => {
            app.state::<Listener>().signal(&view::Signal::Menu { action });
            show(app);
        }
    }
}

/// Handles links that started the app, and later ones.
fn follow_links(app: &tauri::AppHandle, listener: &Listener) {
    let current = app.deep_link().get_current().ok().flatten().unwrap_or_default();
    let follow = {
        let (app, listener) = (app.clone(), listener.clone());
        move |urls: Vec<url::Url>| {
            if let Some(link) = urls.iter().find_map(Link::parse) {
                listener.go(link);
                show(&app);
            }
        }
    };
    follow(current);
    app.deep_link().on_open_url(move |event| follow(event.urls()));
}

fn show<R: Runtime>(app: &tauri::AppHandle<R>) {
    if let Some(window) = app.get_webview_window("main") {
        // The window may be closing; then there is nothing to show.
        drop(window.unminimize());
        drop(window.show());
        drop(window.set_focus());
    }
}

fn failed(why: &str) -> ExitCode {
    let _ = writeln!(Log, "sealkeep-desktop: {why}");
    ExitCode::FAILURE
}

/// Writes the log to standard error, with foreign names and messages escaped.
#[derive(Debug, Clone, Copy)]
struct Log;

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let safe = unseen::escaped(&String::from_utf8_lossy(text), usize::MAX, true);
        io::stderr().write_all(safe.as_bytes())?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
