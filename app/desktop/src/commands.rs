//! What the window may ask for. Each command needs its name in build.rs and in capabilities/main-window.json.

use tauri::{AppHandle, Runtime};

use crate::view::AppInfo;

/// The product's name and version, as the configuration has them.
#[tauri::command]
pub(crate) fn app_info<R: Runtime>(app: AppHandle<R>) -> AppInfo {
    let package = app.package_info();
    AppInfo { name: package.name.clone(), version: package.version.to_string() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tauri::{
        WebviewWindow, WebviewWindowBuilder,
        ipc::{CallbackFn, InvokeBody},
        test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder},
        webview::InvokeRequest,
    };

    fn window(label: &str) -> (tauri::App<MockRuntime>, WebviewWindow<MockRuntime>) {
        let app = mock_builder()
            .invoke_handler(tauri::generate_handler![super::app_info])
            .build(tauri::generate_context!("../../tauri.conf.json", test = true))
            .unwrap();
        let window = match tauri::Manager::get_webview_window(&app, label) {
            Some(window) => window,
            None => WebviewWindowBuilder::new(&app, label, Default::default()).build().unwrap(),
        };
        (app, window)
    }

    fn ask(window: &WebviewWindow<MockRuntime>) -> Result<InvokeBody, serde_json::Value> {
        let request = InvokeRequest {
            cmd: "app_info".into(),
            callback: CallbackFn(0),
            error: CallbackFn(1),
            url: "tauri://localhost".parse().unwrap(),
            body: InvokeBody::default(),
            headers: Default::default(),
            invoke_key: INVOKE_KEY.to_owned(),
        };
        get_ipc_response(window, request).map(|body| InvokeBody::Json(body.deserialize().unwrap()))
    }

    #[test]
    fn the_window_learns_name_and_version() {
        let (_app, window) = window("main");
        let InvokeBody::Json(answer) = ask(&window).unwrap() else { unreachable!() };
        assert_eq!(answer, serde_json::json!({ "name": "Sealkeep", "version": env!("CARGO_PKG_VERSION") }));
    }

    #[test]
    fn a_window_without_the_capability_learns_nothing() {
        let (_app, window) = window("other");
        assert!(ask(&window).is_err());
    }
}
