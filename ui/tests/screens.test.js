// Every screen and state: no errors, no axe findings, in light and dark and with text at 200 %.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { screens, show } from "./screens.js";
import { stage } from "./stage.js";

const axe = await readFile(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
let set;
before(async () => (set = await stage()));
after(() => set.close());

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function accessible(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate((tags) => window.axe.run(document, { runOnly: { type: "tag", values: tags } }), TAGS);
  const found = violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ")}`);
  assert.deepEqual(found, []);
}

describe("every screen", { concurrency: 2 }, () => {
  for (const screen of screens) {
    test(screen.name, async () => {
      const opened = await set.open(screen.scenario, { motion: "reduce" });
      await show(opened, screen);
      for (const colorScheme of ["light", "dark"]) {
        await opened.page.emulateMedia({ colorScheme });
        await accessible(opened.page);
      }
      // Text at 200 % leaves half the pixels.
      await opened.page.setViewportSize({ width: 450, height: 300 });
      const [wanted, there] = await opened.page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(wanted <= there, `${wanted} pixels wide, in ${there}`);
      assert.deepEqual(opened.problems, []);
      await opened.close();
    });
  }
});

test("the whole window speaks German", async () => {
  const opened = await set.open("home", { language: "de" });
  await opened.page.getByRole("heading", { name: "Übersicht" }).waitFor();
  assert.equal(await opened.page.evaluate(() => document.documentElement.lang), "de");
  const panel = await opened.page.evaluate(() => window.calls.findLast((one) => one.command === "speak").args.words);
  assert.equal(panel.quit, "Beenden");
  await opened.close();
});

test("ten thousand snapshots are a list of a few rows", async () => {
  const opened = await set.open("many");
  await opened.page.getByRole("navigation").getByRole("button", { name: "Snapshots" }).click();
  const list = opened.page.getByRole("list", { name: "Snapshots" });
  await list.waitFor();
  assert.ok((await list.getByRole("listitem").count()) < 60);
  await list.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await list.getByRole("listitem").last().getByText("3").first().waitFor();
  const last = await list.getByRole("listitem").last().getAttribute("aria-posinset");
  assert.equal(last, "10000");
  await opened.close();
});

test("a snapshot is compared with others, and its buttons stay where they are", async () => {
  for (const [scenario, others] of [["one", 0], ["good", 59]]) {
    const { page, close } = await set.open(scenario);
    await page.getByRole("navigation").getByRole("button", { name: "Snapshots" }).click();
    await page.getByRole("main").getByRole("listitem").first().getByRole("button").click();
    const restore = page.getByRole("dialog").getByRole("button", { name: "Restore" });
    const before = await restore.boundingBox();
    await page.getByText("Valid (no.").waitFor();
    assert.equal(await page.getByRole("dialog").getByRole("option").count(), others);
    assert.deepEqual(await restore.boundingBox(), before);
    await close();
  }
});

test("a refusal is answered by its button, and the run begins again", async () => {
  for (const [scenario, button, choice, name] of [
    ["unusual", "Back up anyway", "force", null],
    ["otherSource", "Confirm it's the same source", "sameSource", null],
    ["otherSource", "Back up under this name", "rename", "shop-2"],
    ["mayBeCopy", "Confirm it's a copy", "toCopy", null],
    ["missing", "Restore without owners", "noOwner", null],
    ["missing", "Skip what the server lacks", "skipMissing", null],
    ["partly", "Keep what can be restored", "keepGoing", null],
  ]) {
    const { page, close } = await set.open(scenario);
    await page.getByRole("button", { name: button }).click();
    await page.getByRole("progressbar").waitFor();
    const call = await page.evaluate(() => window.calls.find((one) => one.command === "run_again"));
    assert.deepEqual(call.args, { choice, name }, scenario);
    await close();
  }
});

test("a failure that nobody can allow offers no answer", async () => {
  const { page, close } = await set.open("failed");
  await page.getByText("The dump failed").waitFor();
  assert.equal(await page.getByRole("group", { name: "What you can do" }).count(), 0);
  await close();
});

test("marks stand beside snapshots on the overview, in lists and beside a result", async () => {
  const { page, close } = await set.open("marked");
  const panel = page.getByRole("region", { name: "Backing up shop" });
  await panel.getByText("smaller than usual, different format than before").waitFor();
  await page.getByRole("navigation").getByRole("button", { name: "Snapshots" }).click();
  await page.getByRole("main").getByRole("listitem").getByText("smaller than usual").first().waitFor();
  await close();
});

test("the keyboard alone makes an account and comes back", async () => {
  const { page, close } = await set.open("fresh");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Create your account" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent?.trim()), "Back");
  await page.keyboard.press("Tab");
  await page.keyboard.type("ada@example.com");
  await page.keyboard.press("Tab");
  await page.keyboard.type("correct horse battery");
  await page.getByRole("button", { name: "Create account", disabled: false }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Set up two-step sign-in" }).waitFor();
  const call = await page.evaluate(() => window.calls.find((one) => one.command === "sign_up"));
  assert.equal(call.args.email, "ada@example.com");
  assert.equal(call.args.region, "eu");
  await close();
});

test("nothing is saved before the test passes, unless the user says so", async () => {
  const { page, close } = await set.open("empty");
  await page.getByRole("button", { name: "Add a database" }).click();
  await page.getByLabel("Connection URL").fill("postgres://ada@db.example.com/shop");
  await page.getByRole("button", { name: "Test connection" }).click();
  const save = page.getByRole("button", { name: "Save and back up now" });
  await save.waitFor();
  assert.equal(await save.isDisabled(), true);
  await page.getByRole("checkbox").check();
  assert.equal(await save.isDisabled(), false);
  await page.getByLabel("Connection URL").fill("postgres://ada@db.example.com/other");
  await save.waitFor({ state: "detached" });
  await close();
});

test("what moves stands still for those who ask for it", async () => {
  for (const [motion, moving] of [["no-preference", 1], ["reduce", 0]]) {
    const { page, close } = await set.open("running", { motion });
    await page.getByRole("progressbar").waitFor();
    await page.addStyleTag({ content: "@keyframes turn { to { rotate: 1turn } } h2 { animation: turn 9s infinite }" });
    const found = await page.evaluate(() => document.querySelector("h2").getAnimations().length);
    assert.equal(found, moving, motion);
    await close();
  }
});
