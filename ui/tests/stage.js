// The production build in a browser with a mocked program.
import { chromium } from "playwright-core";
import { build, preview } from "vite";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The time in every screen, in winter and far from midnight: nothing moves from one run to the next. */
const NOW = new Date("2026-11-25T14:30:00+01:00");

/** Candidate paths of a browser; the first one that exists is used. */
const BROWSERS = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

async function launch() {
  const { existsSync } = await import("node:fs");
  const executablePath = BROWSERS.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new Error("no Chromium here: install it, or name it in CHROMIUM");
  // Root cannot use the sandbox, which needs a user namespace; the pages are our own.
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
}

export async function stage() {
  const bundle = await build({
    configFile: false,
    root,
    logLevel: "error",
    build: { write: false, minify: false, lib: { entry: "tests/mock.ts", formats: ["iife"], name: "mock" } },
  });
  const mock = bundle[0].output[0].code;
  const server = await preview({ root, logLevel: "error", preview: { port: 0, host: "127.0.0.1", strictPort: false } });
  const address = server.httpServer.address();
  const browser = await launch();
  return {
    browser,
    /** Opens the window in a given state. */
    async open(scenario, { width = 900, height = 600, theme = "light", language = "en", zoom = 1, motion = "no-preference", clock = false } = {}) {
      const context = await browser.newContext({
        viewport: { width: Math.round(width / zoom), height: Math.round(height / zoom) },
        deviceScaleFactor: zoom,
        colorScheme: theme,
        reducedMotion: motion,
        locale: language,
        timezoneId: "Europe/Berlin",
      });
      const page = await context.newPage();
      // Before the mocks, which count from it. Timers run; with `clock` a test moves them.
      if (clock) await page.clock.install({ time: NOW });
      else await page.clock.setFixedTime(NOW);
      const problems = [];
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
      // The desktop window does not request an icon.
      await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
      await page.addInitScript({ content: `window.scenario = ${JSON.stringify(scenario)};` });
      await page.addInitScript({ content: mock });
      await page.goto(`http://127.0.0.1:${address.port}/`);
      return { page, problems, close: () => context.close() };
    },
    async close() {
      await browser.close();
      await new Promise((closed) => server.httpServer.close(closed));
    },
  };
}
