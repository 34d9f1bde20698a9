//! Tells Tauri that its configuration lies at the repository's root, and which commands the window may call.

fn main() {
    let attributes = tauri_build::Attributes::new()
        .config_path("../../tauri.conf.json")
        .app_manifest(tauri_build::AppManifest::new().commands(&["app_info"]));
    if let Err(error) = tauri_build::try_build(attributes) {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "{error:#}");
        std::process::exit(1);
    }
}
