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
//! - Permission for a command: its name in `build.rs` and in `capabilities/main-window.json`. Plugins get none.
//! - A link, `sealkeep://…`: `link::Link`. It opens a view and starts nothing.
//! - Paths and addresses: `settings`, from the same variables as the CLI.
//!
//! ```text
//! layers
//! commands
//! window
//! tray
//! engine
//! view
//! error link settings
//! text
//! ```
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod engine;
mod error;
mod link;
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
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use self::{
    engine::{Engine, Shared},
    link::Link,
    tray::Tray,
    window::Listener,
};

fn main() -> ExitCode {
    guard_memory();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("SEALKEEP_LOG").unwrap_or_else(|_| EnvFilter::new("off")))
        .with_ansi(false)
        .with_writer(Log)
        .init();
    let listener = Listener::default();
    let engine = match Engine::new(settings::from_environment(), Arc::new(listener.clone())) {
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
            let tray = Tray::show(app.handle());
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
            // Backups continue; the icon in the panel, or starting the app again, reopens the window.
            if let WindowEvent::CloseRequested { api, .. } = event
                && window.state::<Tray<Wry>>().is_there()
            {
                api.prevent_close();
                drop(window.hide());
            }
        });
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
    builder.manage(engine).manage(listener).invoke_handler(tauri::generate_handler![
        c::app_info,
        c::licenses,
        c::preferences,
        c::set_upload_limit,
        c::set_autostart,
        c::speak,
        c::update_check,
        c::update_install,
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
        c::save_kit,
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
        c::forget_source,
        c::edit_source,
        c::source_connection,
        c::source_runs,
        c::snapshot_details,
        c::compare_snapshots,
        c::watch_links,
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
