// Announces a release: writes latest.json from the signed packages of a bundle folder and signs it as a whole, with the
// key that signs the packages. Apps refuse an announcement of more than 30 days ago: run it again before that.
// From ui/, with TAURI_SIGNING_PRIVATE_KEY set:
//   npm run latest -- BUNDLE_FOLDER https://…/releases/download/v0.2.0 OUT_FOLDER
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const [bundles, from, out] = process.argv.slice(2);
if (!bundles || !from || !out) throw new Error("usage: latest.mjs BUNDLE_FOLDER URL OUT_FOLDER");
if (!process.env.TAURI_SIGNING_PRIVATE_KEY) throw new Error("TAURI_SIGNING_PRIVATE_KEY is not set: nothing is announced unsigned");

const system = { linux: "linux", darwin: "darwin", win32: "windows" }[process.platform];
const machine = { x64: "x86_64", arm64: "aarch64" }[process.arch];
const kinds = { ".deb": "deb", ".rpm": "rpm", ".AppImage": "appimage", ".msi": "msi", ".app.tar.gz": "app" };
const { version } = JSON.parse(readFileSync(join(root, "tauri.conf.json"), "utf8"));
const platforms = {};
for (const file of readdirSync(bundles, { recursive: true }).filter((file) => file.endsWith(".sig"))) {
  const name = basename(file, ".sig");
  const kind = Object.keys(kinds).find((ending) => name.endsWith(ending));
  if (!kind) continue;
  const signature = readFileSync(join(bundles, file), "utf8").trim();
  platforms[`${system}-${machine}-${kinds[kind]}`] = { signature, url: `${from}/${encodeURIComponent(name)}` };
}
if (Object.keys(platforms).length === 0) throw new Error(`${bundles} holds no signed package`);

const latest = join(out, "latest.json");
writeFileSync(latest, JSON.stringify({ version, pub_date: new Date().toISOString(), platforms }, null, 2) + "\n");
const cli = createRequire(join(root, "ui/package.json")).resolve("@tauri-apps/cli/tauri.js");
const signed = spawnSync(process.execPath, [cli, "signer", "sign", "--app-version", version, latest], { stdio: ["ignore", "ignore", "inherit"] });
if (signed.status !== 0) {
  rmSync(latest);
  throw new Error("latest.json could not be signed");
}
