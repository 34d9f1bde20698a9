/** Every sentence the user reads. */
export const words = {
  tagline: "Encrypted database backups. The keys never leave your machine.",
  version: (version: string) => `Version ${version}`,
  forNow: "For now, backups and restores are run by the sealkeep command. This window will take over from it, step by step.",
  tryIt: "In a terminal:",
  commands: ["sealkeep status", "sealkeep backup postgres://user@host/database", "sealkeep snapshots"],
  failed: "The app could not say which version it is.",
  failedNext: "Close this window and start Sealkeep again.",
} as const;
