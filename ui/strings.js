// Prints everything that a person reads, as one list: npm run strings. See docs/voice.md.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));
const text = (path) => readFile(new URL(path, import.meta.url), "utf8");

/** Lists that are kept as files, in English. */
const FILES = { "command's help": "../app/cli/help.txt", errors: "../client-core/errors.txt" };

async function words(language) {
  const [bundle] = await build({
    configFile: false,
    root,
    logLevel: "error",
    build: { write: false, minify: false, lib: { entry: `src/words/${language}.ts`, formats: ["es"], fileName: language } },
  });
  const module = await import(`data:text/javascript,${encodeURIComponent(bundle.output[0].code)}`);
  return module[language];
}

/** The names of a sentence's arguments; those with a default value are not filled in. */
function names(sentence) {
  const inside = /^\(?([^)=]*(?:=\s*"[^"]*")?)\)?\s*=>/.exec(String(sentence))?.[1] ?? "";
  return inside.split(",").map((one) => one.trim()).filter((one) => one !== "" && !one.includes("="));
}

/** All forms of a sentence: with its arguments' names, and where a number or a kind has a form of its own. */
function forms(sentence, parts) {
  const named = parts.map((part) => `{${part}}`);
  const whole = sentence(...named);
  const found = new Set([whole]);
  parts.forEach((part, at) => {
    for (const value of [0, 1, "1", "", null]) {
      const form = sentence(...named.with(at, value));
      if (form !== whole.replaceAll(`{${part}}`, String(value))) found.add(form);
    }
  });
  for (const kind of ["verify", "restore"]) found.add(sentence(...named, kind));
  return [...found].filter((form) => form !== "");
}

/** Each string of one language with its key. */
function flat(one, other, key = "") {
  if (typeof one === "string") return [[key, [one]]];
  if (typeof one === "function") return [[key, forms(one, names(other ?? one))]];
  return Object.entries(one).flatMap(([part, inner]) => flat(inner, other?.[part], key === "" ? part : `${key}.${part}`));
}

/** The window's strings: key → forms, per language. English names the arguments of both. */
export async function windowStrings() {
  const [en, de] = await Promise.all([words("en"), words("de")]);
  return { en: new Map(flat(en, en)), de: new Map(flat(de, en)) };
}

/** What the programs print, in English: [title, text]. */
export async function programStrings() {
  const files = await Promise.all(Object.entries(FILES).map(async ([title, path]) => [title, await text(path)]));
  const titles = (await text("../metadata-api/src/error.rs")).matchAll(/E::\w+ =>\s*\{?\s*("[^"]*")/g);
  return [...files, ["service's answers", [...titles].map((title) => title[1]).join("\n")]];
}

/** A list of docs/voice.md. */
export async function banned(language) {
  const list = new RegExp(`\`\`\`banned ${language}\n([^\`]*)\`\`\``).exec(await text("docs/voice.md"));
  return list?.[1]?.split("\n").filter((line) => line !== "") ?? [];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { en, de } = await windowStrings();
  const lines = [...en].flatMap(([key, found]) => [key, ...found.map((one) => `  en  ${one}`), ...(de.get(key) ?? []).map((one) => `  de  ${one}`)]);
  for (const [title, shown] of await programStrings()) lines.push("", `== ${title}`, "", shown.trimEnd());
  process.stdout.write(`${lines.join("\n")}\n`);
}
