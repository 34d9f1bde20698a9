// What a person reads: no banned word, both languages complete, nothing unused.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { before, test } from "node:test";
import { banned, programStrings, reasons, windowStrings } from "../strings.js";

const SRC = new URL("../src/", import.meta.url);
let window;
before(async () => (window = await windowStrings()));

/** Whole words, in any case; a hyphen or apostrophe belongs to a word. */
function finder(phrases) {
  const any = phrases.map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(" ", "\\s+")).join("|");
  return new RegExp(`(?<![\\p{L}\\p{N}'-])(?:${any})(?![\\p{L}\\p{N}'-])`, "iu");
}

async function violations(language, strings) {
  const phrases = await banned(language);
  assert.ok(phrases.length > 10, "the list in docs/voice.md was read");
  const find = finder(phrases);
  return strings.map(([where, text]) => [where, find.exec(text)?.[0]]).filter(([, word]) => word !== undefined);
}

const forms = (strings) => [...strings].flatMap(([key, found]) => found.map((form) => [key, form]));

test("no banned word in the window", async () => {
  assert.deepEqual(await violations("en", forms(window.en)), []);
  assert.deepEqual(await violations("de", forms(window.de)), []);
  assert.deepEqual(await violations("de", Object.entries(await reasons())), []);
});

test("no banned word in help, errors and answers of the service", async () => {
  const lines = (await programStrings()).flatMap(([title, text]) => text.split(/\n\n/).map((part) => [`${title}: ${part}`, part]));
  assert.ok(lines.length > 100);
  assert.deepEqual(await violations("en", lines), []);
});

test("a banned word is found, and a part of a word is not", async () => {
  assert.equal((await violations("en", [["x", "The device was Shut\nout."]])).length, 1);
  assert.equal((await violations("en", [["x", "These marshallers are sooner done."]])).length, 0);
});

/** Rules of voice.md that a list of words cannot say. */
const NUMBER = {
  en: /(?<![\p{L}-])(?:two|three|four|five|six|seven|eight|nine|ten)(?![\p{L}-])/iu,
  de: /(?<![\p{L}-])(?:zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn)(?![\p{L}-])/iu,
};
/** A list's last two items without a comma; after these words there is no list. */
const NO_COMMA = /, (?!(?:and|as|because|but|if|only|or|so|which|with|without) )(?:[\p{L}\p{N}'-]+ ){1,2}(?:and|or) /iu;
const CONTRACTION = /\p{L}n['’]t\b|\b(?:it|that|there|you|we|they)['’](?:s|re|ve|ll)\b/iu;
const breaking = (rule, strings) => strings.filter(([, text]) => rule.test(text.replaceAll(/\s+/g, " ")));
/** What the programs say, paragraph by paragraph. */
const programs = async () => (await programStrings()).flatMap(([title, text]) => text.split(/\n\n/).map((part) => [title, part]));

test("numbers are digits, and lists have their last comma", async () => {
  assert.deepEqual(breaking(NUMBER.en, [...forms(window.en), ...(await programs())]), []);
  assert.deepEqual(breaking(NUMBER.de, forms(window.de)), []);
  assert.deepEqual(breaking(NO_COMMA, [...forms(window.en), ...(await programs())]), []);
});

test("help, errors and answers of the service have no contraction", async () => {
  assert.deepEqual(breaking(CONTRACTION, await programs()), []);
});

test("a break of these rules is found, and two-step sign-in is none", () => {
  const broken = (rule, text) => breaking(rule, [["x", text]]).length === 1;
  assert.ok(broken(NUMBER.en, "Select two snapshots.") && !broken(NUMBER.en, "Two-step sign-in"));
  assert.ok(broken(NUMBER.de, "Zwei Snapshots") && !broken(NUMBER.de, "Zwei-Faktor-Anmeldung"));
  assert.ok(broken(NO_COMMA, "dates, devices and\nIDs") && broken(NO_COMMA, "user, its password or host"));
  assert.ok(!broken(NO_COMMA, "dates, devices, and IDs") && !broken(NO_COMMA, "Paste them, with or without numbers."));
  assert.ok(broken(CONTRACTION, "can't") && broken(CONTRACTION, "it's") && !broken(CONTRACTION, "the file's name"));
});

test("both languages have the same keys and placeholders", () => {
  assert.deepEqual([...window.de.keys()], [...window.en.keys()]);
  const places = (strings) => [...strings].map(([key, found]) => [key, [...new Set(found.join(" ").match(/\{\w+\}/g))].sort()]);
  assert.deepEqual(places(window.de), places(window.en));
});

/** Keys that are chosen at run time from a group whose other keys are named: `w.run[run.kind]`. */
const CHOSEN = {
  run: ["backup", "verify", "restore", "backupDone", "verifyDone", "restoreDone"],
  devices: ["active", "pending", "revoked"],
  schedule: ["manual", "hour", "day", "week"],
};

async function sources() {
  const names = await readdir(SRC, { recursive: true });
  const wanted = names.filter((name) => /\.(svelte|ts)$/.test(name) && !/^(words\/(en|de)|bindings)\b/.test(name));
  return Promise.all(wanted.map((name) => readFile(new URL(name, SRC), "utf8")));
}

/** `const w = $derived(chosen.words.run)` */
const ALIAS = /(?:const|let)\s+(\w+)\s*=\s*\$derived\(chosen\.words((?:\.\w+)*)\)/g;

/** The keys that a file names, and groups that it indexes or passes on as a whole. */
function named(file) {
  const aliases = new Map([["words", ""]]);
  for (const [, alias, path] of file.matchAll(ALIAS)) aliases.set(alias, path);
  const rest = file.replaceAll(ALIAS, "");
  const found = [...rest.matchAll(/chosen\.words((?:\.\w+)+)/g)].map(([, path]) => path);
  for (const [alias, prefix] of aliases) {
    for (const [, path] of rest.matchAll(new RegExp(`(?<![\\w.])${alias}((?:\\.\\w+)+)`, "g"))) found.push(prefix + path);
  }
  return found.map((path) => path.slice(1));
}

test("no string is unused", async () => {
  const used = new Set((await sources()).flatMap(named));
  const isUsed = (key) => {
    const parts = key.split(".");
    if (CHOSEN[parts[0]]?.includes(parts[1])) return true;
    // A group that is chosen from is named without the rest of the key; one of CHOSEN is not enough for all its keys.
    return parts.some((_, at) => used.has(parts.slice(0, at + 1).join(".")) && !(at === 0 && parts[0] in CHOSEN && parts.length > 1));
  };
  assert.deepEqual([...window.en.keys()].filter((key) => !isUsed(key)), []);
});
