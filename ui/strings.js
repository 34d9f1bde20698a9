// Prints everything that a person reads, as one list: npm run strings. See docs/voice.md.
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));
const text = (path) => readFile(new URL(path, import.meta.url), "utf8");

/** Lists that are kept as files, in English. */
const FILES = { "command's help": "../app/cli/help.txt", errors: "../client-core/errors.txt" };

async function load(entry) {
  const [bundle] = await build({
    configFile: false,
    root,
    logLevel: "error",
    build: { write: false, minify: false, lib: { entry, formats: ["es"], fileName: "words" } },
  });
  return import(`data:text/javascript,${encodeURIComponent(bundle.output[0].code)}`);
}

const words = async (language) => (await load(`src/words/${language}.ts`))[language];

/** The German of the core's sentences, by their English templates. */
export const reasons = async () => (await load("src/words/de/reasons.ts")).reasons;

/** What a person may read in the window and the core has written. */
const RUST = ["../client-core/src/", "../app/desktop/src/"];
const LITERAL = String.raw`"((?:[^"\\]|\\[\s\S])*)"`;
/** A template; and words that an error of a lower layer holds: `Text::fixed` makes them texts. */
const TEMPLATES = [
  String.raw`\btext!\(\s*`,
  String.raw`\b(?:damaged|refused|Damaged|UnwrapError|Unusable|Ambiguous|Unfinished|Forked)\(\s*`,
  String.raw`\bread_max\([^";]*`,
].map((before) => new RegExp(before + LITERAL, "g"));

/** The code of a file, without its tests and comments. */
const code = (source) => source.split(/#\[cfg\(test\)\]\n(?:#\[.*\n)?(?:pub(?:\(\w+\))? )?mod /)[0].replaceAll(/^\s*\/\/.*$/gm, "");

/** The English templates of the core's sentences, with the file of each; also the titles of the service's answers. */
export async function templates() {
  const found = new Map();
  for (const folder of RUST) {
    const names = (await readdir(new URL(folder, import.meta.url), { recursive: true })).filter((name) => name.endsWith(".rs"));
    for (const name of names.filter((one) => !/(^|\/)tests\b|^text\.rs$|sentences\.rs$/.test(one))) {
      const source = code(await text(folder + name));
      for (const [, literal] of TEMPLATES.flatMap((template) => [...source.matchAll(template)])) {
        found.set(literal.replaceAll(/\\\n\s*/g, "").replaceAll(/\\(.)/g, "$1"), folder + name);
      }
    }
  }
  for (const title of await titles()) found.set(title.replace(/\.$/, ""), "the service");
  return found;
}

async function titles() {
  const answers = (await text("../metadata-api/src/error.rs")).matchAll(/(?:E::\w+|_) =>\s*\{?\s*"([^"]*\.)"/g);
  return [...answers].map(([, title]) => title);
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
  return [...files, ["service's answers", (await titles()).join("\n")]];
}

/** A list of docs/voice.md. */
export async function banned(language) {
  const list = new RegExp(`\`\`\`banned ${language}\n([^\`]*)\`\`\``).exec(await text("docs/voice.md"));
  return list?.[1]?.split("\n").filter((line) => line !== "") ?? [];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { en, de } = await windowStrings();
  const lines = [...en].flatMap(([key, found]) => [key, ...found.map((one) => `  en  ${one}`), ...(de.get(key) ?? []).map((one) => `  de  ${one}`)]);
  for (const [english, german] of Object.entries(await reasons())) lines.push(`  en  ${english}`, `  de  ${german}`);
  for (const [title, shown] of await programStrings()) lines.push("", `== ${title}`, "", shown.trimEnd());
  process.stdout.write(`${lines.join("\n")}\n`);
}
