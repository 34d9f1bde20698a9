import type { AppInfo } from "../bindings/AppInfo";

/** Everything the views may ask of the program behind them. */
export interface Backend {
  appInfo(): Promise<AppInfo>;
}
