/** Loaded before the page: mocks the program's responses. */
import { mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import type { Signal } from "../src/bindings/Signal";
import { scenarios } from "./scenarios";

declare global {
  interface Window {
    scenario: string;
    /** All calls of commands, in order. */
    calls: { command: string; args: unknown }[];
    /** Says what the desktop wants from the window. */
    signal: (signal: Signal) => void;
  }
}

window.calls = [];
mockWindows("main");
mockIPC((command, args) => {
  window.calls.push({ command, args });
  const answer = scenarios[window.scenario]?.[command];
  if (answer === undefined) throw { code: "internal", happened: { template: `no answer for ${command}`, parts: [] }, meaning: "", nextStep: "", retryable: false };
  return answer((args ?? {}) as Record<string, unknown>);
});
