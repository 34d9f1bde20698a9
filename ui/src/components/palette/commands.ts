import {
  Camera, CloudUpload, Contrast, Database, House, Keyboard, List, ListChecks, LogOut, MonitorSmartphone, Pause, Play, Plug, Plus, RotateCcw, Search, Settings, ShieldCheck, Square,
} from "@lucide/svelte";
import type { Component } from "svelte";
import type { SourceView } from "../../bindings/SourceView";
import { connectionFails, host, keyOf, needsAttention, sorted } from "../../state/sources";
import type { App } from "../../state/app.svelte";
import { checklist } from "../../state/checklist.svelte";
import { look, THEMES } from "../../state/theme.svelte";
import type { Words } from "../../words/en";
import { searchField } from "../shared/focus";

export interface Command {
  /** Stays the same in other languages. */
  id: string;
  text: string;
  /** What it is about, after the text. */
  of?: string;
  Icon: Component<{ size?: number }>;
  keys?: string;
  /** The key of a source's row that does it. */
  letter?: string;
  /** Not possible now. */
  off?: boolean;
  go: () => void;
}

export interface Group {
  title: string;
  commands: Command[];
}

/** The pages of the sidebar. */
export const PAGES = [
  { view: "home", Icon: House, keys: "mod+1" },
  { view: "snapshots", Icon: Camera, keys: "mod+2" },
  { view: "devices", Icon: MonitorSmartphone, keys: "mod+3" },
  { view: "activity", Icon: List, keys: "mod+4" },
  { view: "settings", Icon: Settings, keys: "mod+, mod+5" },
] as const;

/** The commands with a shortcut. */
export function everywhere(app: App, words: Words): Command[] {
  const field = searchField();
  return [
    { id: "palette", text: words.palette.title, Icon: Search, keys: "mod+k", go: () => (app.overlay = "palette") },
    { id: "search", text: words.palette.searchPage, Icon: Search, keys: "/ mod+f", off: field === null, go: () => field?.focus() },
    { id: "add", text: words.home.add, Icon: Plus, keys: "mod+n", go: () => app.go({ view: "add" }) },
    ...PAGES.map(({ view, Icon, keys }) => ({ id: view, text: words.palette.open(words.nav[view]), Icon, keys, go: () => app.go({ view }) })),
    { id: "shortcuts", text: words.palette.shortcuts, Icon: Keyboard, keys: "? mod+/", go: () => (app.overlay = "shortcuts") },
    { id: "quit", text: words.leave.quit, Icon: LogOut, keys: "mod+q", go: () => void app.backend.quit() },
  ];
}

function opens(app: App, words: Words, source: SourceView): Command {
  const { name, kind } = source;
  return { id: `open ${keyOf(source)}`, text: words.palette.open(name), of: host(source) ?? "", Icon: Database, go: () => app.go({ view: "source", name, kind }) };
}

/** What can be done with a source, besides opening it. */
export function actions(app: App, words: Words, source: SourceView): Command[] {
  const { id, name, kind } = source;
  const key = keyOf(source);
  const last = source.snapshots[0];
  const own: Command[] = [];
  if (id !== null) own.push({ id: `back up ${key}`, text: words.home.backUpNow, of: name, Icon: CloudUpload, letter: "b", off: app.busy, go: () => void app.begin(() => app.backend.startBackup(id)) });
  if (last) {
    own.push(
      { id: `restore ${key}`, text: words.home.restore, of: name, Icon: RotateCcw, letter: "r", go: () => app.go({ view: "restore", snapshot: last.id }) },
      { id: `verify ${key}`, text: words.home.verifyNow, of: name, Icon: ShieldCheck, letter: "v", off: app.busy, go: () => void app.begin(() => app.backend.startVerify(name, last.id)) },
    );
  }
  if (id !== null) own.push({ id: `edit ${key}`, text: words.connection.edit, of: name, Icon: Plug, letter: "e", go: () => app.go({ view: "source", name, kind, tab: "connection" }) });
  return own;
}

function running(app: App, words: Words): Command[] {
  const { run } = app;
  if (run === null || !app.busy) return [];
  const of = words.run[run.kind](run.source);
  const pause = run.paused
    ? { id: "resume", text: words.run.goOn, of, Icon: Play, go: () => void app.backend.pauseRun(false) }
    : { id: "pause", text: words.run.pause, of, Icon: Pause, go: () => void app.backend.pauseRun(true) };
  return [...(run.kind === "backup" ? [pause] : []), { id: "stop", text: words.run.stop, of, Icon: Square, go: () => void app.backend.cancelRun() }];
}

/** Brings the list of what is left to set up back to Overview. */
export function showChecklist(app: App): void {
  checklist.bringBack();
  app.go({ view: "home" });
}

/** Rows in the document. */
const MOST = 50;
/** Databases that are offered before anything was typed. */
const FEW = 3;

const plain = (text: string): string => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");

const NONE = 2;
/** How well a command fits the words, lower is better. "backup" finds "Back up now". */
function fit(command: Command, typed: string[]): number {
  const text = plain(`${command.text} ${command.of ?? ""}`);
  const all = `${text} ${text.replaceAll(" ", "")}`;
  if (!typed.every((word) => all.includes(word))) return NONE;
  return typed.every((word) => ` ${text}`.includes(` ${word}`)) ? 0 : 1;
}

/** The rows for a text, and how many more there are. `recent`: ids, the last one first. */
export function find(app: App, words: Words, text: string, recent: string[]): { groups: Group[]; more: number } {
  const sources = sorted(app.overview?.sources ?? [], app.run);
  const run = running(app, words);
  const general = everywhere(app, words).filter((one) => one.id !== "palette" && !one.off);
  const opening = sources.map((one) => opens(app, words, one));
  const acting = sources.flatMap((one) => actions(app, words, one)).filter((one) => !one.off);
  const themes = THEMES.filter((theme) => theme !== look.theme).map(
    (theme): Command => ({ id: `theme ${theme}`, text: `${words.settings.theme}: ${words.settings.themes[theme]}`, Icon: Contrast, go: () => look.choose(theme) }),
  );
  const setUp: Command[] = checklist.shown ? [] : [{ id: "checklist", text: words.checklist.show, Icon: ListChecks, go: () => showChecklist(app) }];
  const all = [...run, ...general, ...opening, ...acting, ...themes, ...setUp];
  const typed = plain(text).split(" ").filter((word) => word !== "");
  const wanted = text.trim();
  let groups: Group[];
  if (typed.length > 0) {
    const found = all.flatMap((command) => ({ command, rank: fit(command, typed) })).filter((one) => one.rank < NONE);
    const commands = found.toSorted((a, b) => a.rank - b.rank).map((one) => one.command);
    if (commands.length === 0) commands.push({ id: "find", text: words.palette.inSnapshots, of: wanted, Icon: Camera, go: () => app.go({ view: "snapshots", find: wanted }) });
    groups = [{ title: "", commands }];
  } else {
    const bad = sources.filter(needsAttention).slice(0, FEW).map((one) => (connectionFails(one) ? `edit ${keyOf(one)}` : `back up ${keyOf(one)}`));
    const named = (ids: string[]) => ids.flatMap((id) => all.find((one) => one.id === id) ?? []);
    groups = [
      { title: words.palette.running, commands: run },
      { title: words.palette.recent, commands: named(recent) },
      { title: words.palette.attention, commands: named(bad) },
      { title: words.palette.commands, commands: [...general, ...themes, ...setUp] },
      { title: words.palette.databases, commands: opening },
    ];
  }
  const seen = new Set<string>();
  let more = 0;
  for (const group of groups) {
    const fresh = group.commands.filter((one) => !seen.has(one.id));
    group.commands = fresh.slice(0, MOST - seen.size);
    more += fresh.length - group.commands.length;
    for (const one of group.commands) seen.add(one.id);
  }
  return { groups: groups.filter((group) => group.commands.length > 0), more };
}
