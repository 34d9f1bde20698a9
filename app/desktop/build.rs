//! Tells Tauri that its configuration lies at the repository's root, and which commands the window may call.

const COMMANDS: &[&str] = &[
    "app_info",
    "choose_file",
    "choose_new_file",
    "open_folder",
    "session",
    "password_strength",
    "sign_up",
    "sign_up_code",
    "sign_in",
    "sign_in_factor",
    "sign_in_words",
    "start_over",
    "save_kit",
    "kit_words",
    "kit_file",
    "sign_out",
    "device_list",
    "revoke_device",
    "activity_list",
    "overview",
    "probe_source",
    "add_source",
    "set_schedule",
    "forget_source",
    "watch_runs",
    "current_run",
    "start_backup",
    "start_verify",
    "start_restore",
    "restore_command_line",
    "cancel_run",
    "pause_run",
    "dismiss_run",
];

fn main() {
    let attributes = tauri_build::Attributes::new()
        .config_path("../../tauri.conf.json")
        .app_manifest(tauri_build::AppManifest::new().commands(COMMANDS));
    if let Err(error) = tauri_build::try_build(attributes) {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "{error:#}");
        std::process::exit(1);
    }
}
