// The Tauri command line only accepts a tauri.conf.json beside the app crate's Cargo.toml. Ours is at the
// repository's root, so write app/desktop/tauri.conf.json (git-ignored) from it, with root-relative paths made
// crate-relative, then run the command line. From ui/: npm run tauri -- build --bundles deb
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const conf = JSON.parse(readFileSync(join(root, "tauri.conf.json"), "utf8"));
const up = (path) => (/^(https?:|\/)/.test(path) ? path : "../../" + path);
if (conf.build?.frontendDist) conf.build.frontendDist = up(conf.build.frontendDist);
if (conf.bundle?.icon) conf.bundle.icon = conf.bundle.icon.map(up);
if (conf.bundle?.licenseFile) conf.bundle.licenseFile = up(conf.bundle.licenseFile);

const run = (program, ...more) => spawnSync(program, more, { cwd: root, stdio: ["inherit", "pipe", "inherit"], encoding: "utf8" });

// What the command prints about itself, as files in a folder: man pages, completions, the schema of its JSON.
function generated(sealkeep, folder) {
  rmSync(folder, { recursive: true, force: true });
  const printed = (name, ...words) => {
    const { status, stdout } = run(sealkeep, ...words);
    if (status !== 0 || stdout === "") throw new Error(`sealkeep ${words.join(" ")}: ${status}`);
    writeFileSync(join(folder, name), stdout);
    return join(folder, name);
  };
  mkdirSync(folder, { recursive: true });
  if (run(sealkeep, "man", folder).status !== 0) throw new Error("sealkeep man");
  const pages = readdirSync(folder).map((page) => {
    // The same bytes each time.
    writeFileSync(join(folder, page + ".gz"), gzipSync(readFileSync(join(folder, page)), { level: 9 }));
    return join(folder, page + ".gz");
  });
  return {
    pages,
    bash: printed("sealkeep.bash", "completions", "bash"),
    fish: printed("sealkeep.fish", "completions", "fish"),
    zsh: printed("_sealkeep", "completions", "zsh"),
    schema: printed("json-schema.json", "schema"),
  };
}

if (process.argv[2] === "build") {
  // The window shows commands to copy: the packages bring the command along.
  const profile = process.argv.includes("--debug") ? "debug" : "release";
  const built = run("cargo", "build", "--locked", "-p", "sealkeep-cli", ...(profile === "release" ? ["--release"] : []));
  if (built.status !== 0) process.exit(built.status ?? 1);
  const { target_directory } = JSON.parse(run("cargo", "metadata", "--format-version", "1", "--no-deps").stdout);
  const sealkeep = join(target_directory, profile, "sealkeep");
  const { pages, bash, fish, zsh, schema } = generated(sealkeep, join(target_directory, profile, "share"));
  const files = {
    "/usr/bin/sealkeep": sealkeep,
    "/usr/share/bash-completion/completions/sealkeep": bash,
    "/usr/share/doc/sealkeep/copyright": join(root, "LICENSE"),
    "/usr/share/doc/sealkeep/json-schema.json": schema,
    "/usr/share/fish/vendor_completions.d/sealkeep.fish": fish,
    ...Object.fromEntries(pages.map((page) => ["/usr/share/man/man1/" + basename(page), page])),
  };
  // Each distribution has its own place for zsh.
  const places = { deb: "/usr/share/zsh/vendor-completions/_sealkeep", rpm: "/usr/share/zsh/site-functions/_sealkeep" };
  for (const [kind, place] of Object.entries(places)) conf.bundle.linux[kind].files = { ...files, [place]: zsh };
  // An update is only as good as its signature: without the key none is made.
  conf.bundle.createUpdaterArtifacts = process.env.TAURI_SIGNING_PRIVATE_KEY !== undefined;
}
writeFileSync(join(here, "tauri.conf.json"), JSON.stringify(conf, null, 2) + "\n");

const cli = createRequire(join(root, "ui/package.json")).resolve("@tauri-apps/cli/tauri.js");
const ended = spawnSync(process.execPath, [cli, ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, TAURI_APP_PATH: here, TAURI_FRONTEND_PATH: root },
});
process.exit(ended.status ?? 1);
