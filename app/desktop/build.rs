//! Tells Tauri where its configuration is (at the repository's root) and which commands the window may call; writes the
//! list of libraries and their licenses.

use std::{collections::BTreeSet, env, error::Error, fs, path::Path, process::Command};

const COMMANDS: &[&str] = &[
    "app_info",
    "licenses",
    "preferences",
    "set_upload_limit",
    "set_autostart",
    "set_on_close",
    "set_tray_labels",
    "update_check",
    "update_install",
    "diagnostics",
    "save_diagnostics",
    "choose_file",
    "choose_new_file",
    "open_folder",
    "show_in_folder",
    "session",
    "password_strength",
    "sign_up",
    "sign_up_code",
    "sign_in",
    "sign_in_factor",
    "sign_in_words",
    "sign_in_kit",
    "words_typed",
    "start_over",
    "check_service",
    "choose_service",
    "save_kit",
    "save_codes",
    "kit_words",
    "kit_file",
    "change_password",
    "renew_codes",
    "new_authenticator",
    "confirm_authenticator",
    "sign_out",
    "device_list",
    "revoke_device",
    "activity_list",
    "overview",
    "probe_source",
    "add_source",
    "set_schedule",
    "remove_source",
    "edit_source",
    "source_connection",
    "source_runs",
    "run_log",
    "snapshot_details",
    "compare_snapshots",
    "watch_links",
    "watch_signals",
    "leaving",
    "leave",
    "quit",
    "watch_runs",
    "watch_waits",
    "current_run",
    "start_backup",
    "start_verify",
    "start_restore",
    "run_again",
    "restore_command_line",
    "restore_suggestion",
    "check_target",
    "cancel_run",
    "pause_run",
    "dismiss_run",
];

fn main() -> Result<(), Box<dyn Error>> {
    licenses()?;
    let attributes = tauri_build::Attributes::new()
        .config_path("../../tauri.conf.json")
        .app_manifest(tauri_build::AppManifest::new().commands(COMMANDS));
    Ok(tauri_build::try_build(attributes)?)
}

/// Writes `licenses.txt`: each library in the program with its version and license.
fn licenses() -> Result<(), Box<dyn Error>> {
    const LOCKS: [&str; 2] = ["../../Cargo.lock", "../../ui/package-lock.json"];
    for lock in LOCKS {
        println!("cargo:rerun-if-changed={lock}");
    }
    println!("cargo:rerun-if-env-changed=SEALKEEP_UPDATE_KEY");
    let mut tree = Command::new(env::var("CARGO")?);
    tree.args(["tree", "--locked", "--package", "sealkeep-desktop", "--edges", "normal"]);
    let tree = tree.args(["--prefix", "none", "--format", "{p}\t{l}"]).output()?;
    if !tree.status.success() {
        return Err(String::from_utf8_lossy(&tree.stderr).into());
    }
    let mut lines = BTreeSet::new();
    for line in String::from_utf8(tree.stdout)?.lines() {
        let (package, license) = line.split_once('\t').unwrap_or((line, ""));
        // Our own have a path behind their name.
        if !package.contains("(/") {
            let package = package.trim_end_matches(" (proc-macro)").replace(" v", " ");
            lines.insert(format!("{package}: {}", license.trim_end_matches(" (*)")));
        }
    }
    let lock: serde_json::Value = serde_json::from_str(&fs::read_to_string(LOCKS[1])?)?;
    let packages = &lock["packages"];
    let named = packages[""]["dependencies"].as_object().ok_or("package-lock.json names no dependencies")?;
    // Svelte is a tool, and its runtime is in the page.
    for name in named.keys().map(String::as_str).chain(["svelte"]) {
        let package = &packages[format!("node_modules/{name}")];
        let text = |field: &str| package[field].as_str().ok_or(format!("{name} has no {field}"));
        lines.insert(format!("{name} {}: {}", text("version")?, text("license")?));
    }
    let out = Path::new(&env::var("OUT_DIR")?).join("licenses.txt");
    Ok(fs::write(out, lines.into_iter().collect::<Vec<_>>().join("\n"))?)
}
