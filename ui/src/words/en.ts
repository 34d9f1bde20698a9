import { databases } from "./en/databases";
import { errors } from "./en/errors";
import { firstRun } from "./en/first-run";
import { messages } from "./en/messages";
import { palette } from "./en/palette";
import { settings } from "./en/settings";
import { snapshots } from "./en/snapshots";

/** All texts shown to the user. */
export const en = {
  product: "Sealkeep",
  tagline: "Encrypted database backups. Your keys never leave your device unencrypted.",
  version: (version: string) => `Version ${version}`,
  back: "Back",
  next: "Continue",
  cancel: "Cancel",
  close: "Close",
  copy: "Copy",
  copied: "Copied",
  tryAgain: "Try again",
  loading: "Loading…",
  show: "Show",
  hide: "Hide",
  details: "Details",

  nav: {
    label: "Main",
    home: "Overview",
    snapshots: "Snapshots",
    devices: "Devices",
    activity: "Activity",
    settings: "Settings",
  },

  ...firstRun,
  ...databases,
  ...snapshots,
  ...settings,
  ...errors,
  ...messages,
  palette,
};

export type Words = typeof en;
