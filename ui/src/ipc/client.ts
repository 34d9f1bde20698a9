import { Channel, invoke } from "@tauri-apps/api/core";
import type { Link } from "../bindings/Link";
import type { RunView } from "../bindings/RunView";
import type { Signal } from "../bindings/Signal";
import type { WaitView } from "../bindings/WaitView";
import type { Backend } from "./backend";

/** Forwards events from the program. */
function listen<T>(command: string, heard: (said: T) => void): Promise<void> {
  const channel = new Channel<T>();
  channel.onmessage = heard;
  return invoke(command, { channel });
}

/** Calls the desktop app's process. */
export const client: Backend = {
  appInfo: () => invoke("app_info"),
  licenses: () => invoke("licenses"),
  updateCheck: () => invoke("update_check"),
  updateInstall: () => invoke("update_install"),
  session: () => invoke("session"),

  checkService: (address) => invoke("check_service", { address }),
  chooseService: (address) => invoke("choose_service", { address }),

  passwordStrength: (password, email) => invoke("password_strength", { password, email }),
  signUp: (email, password, region, deviceName) => invoke("sign_up", { email, password, region, deviceName }),
  signUpCode: (code) => invoke("sign_up_code", { code }),
  signIn: (email, password, deviceName) => invoke("sign_in", { email, password, deviceName }),
  signInFactor: (code, recovery) => invoke("sign_in_factor", { code, recovery }),
  signInWords: (words) => invoke("sign_in_words", { words }),
  signInKit: () => invoke("sign_in_kit"),
  wordsTyped: (words) => invoke("words_typed", { words }),
  startOver: () => invoke("start_over"),
  saveKit: (form) => invoke("save_kit", { form }),
  saveCodes: (codes) => invoke("save_codes", { codes }),
  kitWords: (answer) => invoke("kit_words", { answer }),
  kitFile: () => invoke("kit_file"),
  changePassword: (current, code, recovery, password) => invoke("change_password", { current, code, recovery, password }),
  renewCodes: (current, code, recovery) => invoke("renew_codes", { current, code, recovery }),
  newAuthenticator: (current, code, recovery) => invoke("new_authenticator", { current, code, recovery }),
  confirmAuthenticator: (code) => invoke("confirm_authenticator", { code }),
  signOut: (forget) => invoke("sign_out", { forget }),

  overview: () => invoke("overview"),
  probeSource: (origin, like) => invoke("probe_source", { origin, like }),
  addSource: (name, origin, schedule) => invoke("add_source", { name, origin, schedule }),
  setSchedule: (id, schedule) => invoke("set_schedule", { id, schedule }),
  removeSource: (id) => invoke("remove_source", { id }),
  editSource: (id, name, origin) => invoke("edit_source", { id, name, origin }),
  sourceConnection: (id) => invoke("source_connection", { id }),
  sourceRuns: (id) => invoke("source_runs", { id }),
  runLog: (run) => invoke("run_log", { run }),

  snapshotDetails: (snapshot) => invoke("snapshot_details", { snapshot }),
  compareSnapshots: (one, other) => invoke("compare_snapshots", { one, other }),

  watchLinks: (heard) => listen<Link>("watch_links", heard),
  watchSignals: (heard) => listen<Signal>("watch_signals", heard),
  leaving: () => invoke("leaving"),
  leave: (choice, remember) => invoke("leave", { choice, remember }),
  quit: () => invoke("quit"),
  watchRuns: (heard) => listen<RunView>("watch_runs", heard),
  watchWaits: (heard) => listen<WaitView>("watch_waits", heard),
  currentRun: () => invoke("current_run"),
  startBackup: (id) => invoke("start_backup", { id }),
  startVerify: (source, snapshot) => invoke("start_verify", { source, snapshot }),
  startRestore: (source, snapshot, to) => invoke("start_restore", { source, snapshot, to }),
  runAgain: (choice, name) => invoke("run_again", { choice, name }),
  restoreCommandLine: (snapshot, to) => invoke("restore_command_line", { snapshot, to }),
  restoreSuggestion: (like, source, kind, created) => invoke("restore_suggestion", { like, source, kind, created }),
  checkTarget: (snapshot, to) => invoke("check_target", { snapshot, to }),
  cancelRun: () => invoke("cancel_run"),
  pauseRun: (pause) => invoke("pause_run", { pause }),
  dismissRun: () => invoke("dismiss_run"),

  deviceList: () => invoke("device_list"),
  revokeDevice: (device) => invoke("revoke_device", { device }),
  activityList: () => invoke("activity_list"),

  preferences: () => invoke("preferences"),
  setUploadLimit: (limit) => invoke("set_upload_limit", { limit }),
  setTrayLabels: (words) => invoke("set_tray_labels", { words }),
  setAutostart: (on) => invoke("set_autostart", { on }),
  setOnClose: (choice) => invoke("set_on_close", { choice }),

  diagnostics: () => invoke("diagnostics"),
  saveDiagnostics: () => invoke("save_diagnostics"),

  chooseFile: () => invoke("choose_file"),
  chooseNewFile: (name) => invoke("choose_new_file", { name }),
  showInFolder: (path) => invoke("show_in_folder", { path }),
};
