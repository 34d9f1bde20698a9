// The Tauri command line only accepts a tauri.conf.json beside the app crate's Cargo.toml. Ours is at the
// repository's root, so write app/desktop/tauri.conf.json (git-ignored) from it, with root-relative paths made
// crate-relative, then run the command line. From ui/: npm run tauri -- build --bundles deb
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const conf = JSON.parse(readFileSync(join(root, "tauri.conf.json"), "utf8"));
const up = (path) => (/^(https?:|\/)/.test(path) ? path : "../../" + path);
if (conf.build?.frontendDist) conf.build.frontendDist = up(conf.build.frontendDist);
if (conf.bundle?.icon) conf.bundle.icon = conf.bundle.icon.map(up);
writeFileSync(join(here, "tauri.conf.json"), JSON.stringify(conf, null, 2) + "\n");

const cli = createRequire(join(root, "ui/package.json")).resolve("@tauri-apps/cli/tauri.js");
const ended = spawnSync(process.execPath, [cli, ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, TAURI_APP_PATH: here, TAURI_FRONTEND_PATH: root },
});
process.exit(ended.status ?? 1);
