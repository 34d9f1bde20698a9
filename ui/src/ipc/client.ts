import { invoke } from "@tauri-apps/api/core";
import type { AppInfo } from "../bindings/AppInfo";
import type { Backend } from "./backend";

/** The desktop app's own process. */
export const client: Backend = {
  appInfo: () => invoke<AppInfo>("app_info"),
};
