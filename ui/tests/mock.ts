/** Put in front of the page: the program's answers, without the program. */
import { mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { scenarios } from "./scenarios";

declare global {
  interface Window {
    scenario: string;
    /** Commands that were called, in order. */
    calls: { command: string; args: unknown }[];
  }
}

window.calls = [];
mockWindows("main");
mockIPC((command, args) => {
  window.calls.push({ command, args });
  const answer = scenarios[window.scenario]?.[command];
  if (answer === undefined) throw { code: "internal", happened: `no answer for ${command}`, meaning: "", nextStep: "", retryable: false };
  return answer((args ?? {}) as Record<string, unknown>);
});
