//! The desktop window. It holds no backup logic: that is client-core's.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod view;

use std::{io::Write, process::ExitCode};

fn main() -> ExitCode {
    let ended = tauri::Builder::default()
        .invoke_handler(tauri::generate_handler![commands::app_info])
        .run(tauri::generate_context!("../../tauri.conf.json"));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "sealkeep-desktop: the window could not be opened: {error}");
            ExitCode::FAILURE
        }
    }
}
