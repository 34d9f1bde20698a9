// Every screen and state: no errors, no axe findings, in light and dark and with text at 200 %.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { contrast } from "./contrast.js";
import { screens, show, speak } from "./screens.js";
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

/** What a screen reader operates. */
const OPERATED = ["button", "checkbox", "combobox", "dialog", "grid", "gridcell", "link", "listbox", "menu", "menuitem", "option", "progressbar", "radio", "searchbox", "spinbutton", "tab", "tablist", "textbox"];
/** The page itself, and text that only takes the focus. */
const PLAIN = ["RootWebArea", "StaticText"];

/** What can be operated or focused, but has no name or no role in the tree that assistive technology reads. */
async function nameless(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  await session.detach();
  const focusable = (node) => node.properties?.some(({ name, value }) => name === "focusable" && value.value) === true;
  return nodes
    .filter((node) => !node.ignored && !PLAIN.includes(node.role.value) && (focusable(node) || OPERATED.includes(node.role.value)))
    .filter((node) => !node.name?.value?.trim() || ["generic", "none", "unknown"].includes(node.role.value))
    .map((node) => `${node.role.value} "${node.name?.value ?? ""}"`);
}

/** Whether the page needs more width than it has. */
async function overflows(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth > clientWidth ? [`${scrollWidth} pixels wide, in ${clientWidth}`] : [];
  });
}

describe("every screen", { concurrency: 2 }, () => {
  for (const screen of screens) {
    test(screen.name, async () => {
      const opened = await set.open(screen.scenario, { motion: "reduce" });
      await show(opened, screen);
      for (const colorScheme of ["light", "dark"]) {
        await opened.page.emulateMedia({ colorScheme });
        await accessible(opened.page);
        assert.deepEqual(await contrast(opened.page), [], colorScheme);
      }
      assert.deepEqual(await nameless(opened.page), []);
      // Text at 200 % leaves half the pixels.
      await opened.page.setViewportSize({ width: 450, height: 300 });
      assert.deepEqual(await overflows(opened.page), []);
      for (const [language, width, height] of [["en", 640, 480], ["en", 1440, 900], ["de", 1440, 900], ["de", 640, 480]]) {
        await speak(opened.page, language);
        await opened.page.setViewportSize({ width, height });
        for (const colorScheme of ["light", "dark"]) {
          await opened.page.emulateMedia({ colorScheme });
          assert.deepEqual(await contrast(opened.page), [], `${language} ${width} ${colorScheme}`);
        }
        assert.deepEqual(await overflows(opened.page), [], `${language} ${width}`);
      }
      await accessible(opened.page);
      assert.deepEqual(opened.problems, []);
      await opened.close();
    });
  }
});

test("too little contrast is found", async () => {
  const { page, close } = await set.open("home");
  await page.getByRole("heading", { level: 1 }).waitFor();
  const weak = [
    '<p style="color: #909090; background: #fff">text</p>',
    '<input placeholder="example" style="background: #fff" class="weak">',
    '<button disabled style="color: #aaa; background: #fff">off</button>',
    '<input type="checkbox" style="border-color: #ddd; background: #fff">',
    '<svg width="16" height="16" style="background: #fff"><path d="M2 2h8v9z" fill="#ccc"/></svg>',
    '<span data-sign style="display: block; width: 9px; height: 9px; border: 1px solid #ddd"></span>',
  ];
  assert.deepEqual(await contrast(page), []);
  await page.addStyleTag({ content: ".weak::placeholder { color: #bbb !important }" });
  for (const html of weak) {
    await page.evaluate((html) => document.querySelector("main").insertAdjacentHTML("beforeend", `<div id="weak">${html}</div>`), html);
    assert.equal((await contrast(page)).length, 1, html);
    await page.evaluate(() => document.querySelector("#weak").remove());
  }
  await close();
});

test("the whole window speaks German", async () => {
  const opened = await set.open("home", { language: "de" });
  await opened.page.getByRole("heading", { name: "Übersicht" }).waitFor();
  assert.equal(await opened.page.evaluate(() => document.documentElement.lang), "de");
  const panel = await opened.page.evaluate(() => window.calls.findLast((one) => one.command === "set_tray_labels").args.words);
  assert.equal(panel.quit, "Beenden");
  await opened.close();
});

test("the reason of a failure is German, another program's words stay, and what has no German is marked as English", async () => {
  const lang = (found) => found.evaluate((element) => element.closest("[lang]").lang);
  for (const [scenario, reason, language] of [
    ["failed", "pg_dump 17.2 ist fehlgeschlagen (Exit-Code 1): server closed the connection unexpectedly", "de"],
    ["unusual", "Dieser Dump weicht von den letzten der Quelle ab: hat 1204 Byte, üblich sind 4200000000", "de"],
    ["internal", "internal error: the pipeline died", "en"],
  ]) {
    const { page, close, problems } = await set.open(scenario, { language: "de" });
    const found = page.getByText(reason);
    await found.waitFor();
    assert.equal(await lang(found), language, scenario);
    assert.deepEqual(problems, []);
    await close();
  }
  const { page, close } = await set.open("queued", { language: "de" });
  await page.getByRole("button", { name: /Details$/ }).first().click();
  await page.getByText("Die Datenbank wurde seit dem letzten Backup unter diesem Namen neu erstellt.").waitFor();
  await close();
});

const source = async (set, scenario, options) => {
  const opened = await set.open(scenario, options);
  await opened.page.getByRole("button", { name: "Details of shop" }).first().click();
  return opened;
};
const rows = (page) => page.getByRole("grid", { name: "Snapshots" }).locator("[aria-selected]");

test("ten thousand snapshots are a list of a few rows", async () => {
  const { page, close } = await source(set, "many", { width: 1440, height: 900 });
  const list = page.getByRole("grid", { name: "Snapshots" });
  await rows(page).first().waitFor();
  const nodes = () => list.evaluate((element) => element.querySelectorAll("*").length);
  assert.ok((await nodes()) <= 300, `${await nodes()} nodes`);
  await list.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await page.waitForFunction(() => document.querySelector('[role=grid] [aria-rowindex="10001"]') !== null);
  assert.ok((await nodes()) <= 300, `${await nodes()} nodes`);
  await close();
});

test("days have their count and sum, and stay on top while their rows pass", async () => {
  const { page, close } = await source(set, "many", { width: 1280, height: 800 });
  const expected = await page.evaluate(async () => {
    const all = (await window.__TAURI_INTERNALS__.invoke("overview")).sources[0].snapshots;
    const start = new Date().setHours(0, 0, 0, 0) / 1000 - 43_200;
    const yesterday = new Date(start * 1000).toDateString();
    const of = all.filter((one) => new Date(one.created * 1000).toDateString() === yesterday);
    return { count: of.length, sum: of.reduce((sum, one) => sum + one.bytesStored, 0) };
  });
  const head = page.getByRole("row", { name: "Yesterday" });
  await head.getByText(`${expected.count} snapshots`).waitFor();
  assert.ok((await head.textContent()).includes(`${(expected.sum / 1e6).toFixed(0)} MB`));
  const list = page.getByRole("grid", { name: "Snapshots" });
  await list.evaluate((element) => element.scrollTo(0, 5000));
  const top = async () => list.evaluate((element) => {
    const line = element.getBoundingClientRect().top + element.querySelector(".titles").offsetHeight;
    return Math.min(...[...element.querySelectorAll(".head")].map((one) => Math.abs(one.getBoundingClientRect().top - line)));
  });
  await page.waitForTimeout(100);
  assert.ok((await top()) < 2, `${await top()} pixels off`);
  await close();
});

test("a search finds days by words, and says what it did not find", async () => {
  const { page, close } = await source(set, "good", { width: 1280, height: 800 });
  const search = page.getByRole("searchbox");
  await search.fill("yesterday");
  await page.getByText(/^1 of 60$/).waitFor();
  await search.fill("last week");
  await page.getByText(/^7 of 60$/).waitFor();
  await search.fill("1999");
  await page.getByText('Nothing found for "1999"').waitFor();
  await page.getByRole("button", { name: "Clear search" }).click();
  await page.getByText(/^60 snapshots$/).waitFor();
  await close();
});

test("the arrow keys walk the snapshots with the inspector open, and Escape closes it", async () => {
  const { page, close } = await source(set, "good", { width: 1280, height: 800 });
  await rows(page).first().click();
  const title = page.getByRole("complementary").getByRole("heading", { level: 2 });
  const before = await title.textContent();
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction((text) => document.querySelector("aside h2").textContent !== text, before);
  const active = await page.getByRole("grid").getAttribute("aria-activedescendant");
  assert.equal(await page.locator(`[id="${active}"]`).getAttribute("class").then((names) => names.includes("active")), true);
  await page.keyboard.press("Escape");
  await page.getByRole("complementary").waitFor({ state: "detached" });
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowDown");
  await page.getByRole("heading", { name: "2 selected" }).waitFor();
  await page.keyboard.press("c");
  await page.getByText("public.carts").waitFor();
  const call = await page.evaluate(() => window.calls.findLast((one) => one.command === "compare_snapshots").args);
  assert.notEqual(call.one, call.other);
  await close();
});

test("a snapshot is compared with others, and its buttons stay where they are", async () => {
  for (const [scenario, others] of [["one", 0], ["good", 59]]) {
    const { page, close } = await source(set, scenario, { width: 1280, height: 800 });
    await rows(page).first().click();
    const aside = page.getByRole("complementary");
    const restore = aside.getByRole("button", { name: "Restore" });
    const before = await restore.boundingBox();
    await page.waitForFunction(() => window.calls.some((one) => one.command === "snapshot_details"));
    await aside.getByText("240").first().waitFor();
    assert.equal(await aside.getByRole("option").count(), others);
    assert.deepEqual(await restore.boundingBox(), before);
    await close();
  }
});

test("the arrow keys change the tab, which is remembered for the source", async () => {
  const { page, close } = await source(set, "home");
  await page.getByRole("tab", { name: "Snapshots" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByRole("tab", { name: "Schedule", selected: true }).waitFor();
  await page.keyboard.press("End");
  await page.getByRole("table").waitFor();
  await page.getByRole("main").getByRole("button", { name: "Overview" }).click();
  await page.getByRole("button", { name: "Details of warehouse" }).click();
  await page.getByRole("tab", { name: "Snapshots", selected: true }).waitFor();
  await page.getByRole("main").getByRole("button", { name: "Overview" }).click();
  await page.getByRole("button", { name: "Details of shop" }).click();
  await page.getByRole("tab", { name: "Runs", selected: true }).waitFor();
  await close();
});

test("a connection is edited without its password, and only what was changed is sent", async () => {
  const { page, close } = await source(set, "home", { width: 1280, height: 800 });
  await page.getByRole("tab", { name: "Connection" }).click();
  const save = page.getByRole("button", { name: "Save", exact: true });
  await save.waitFor();
  assert.equal(await save.isDisabled(), true);
  assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), "");
  await page.getByText("Leave empty to keep the stored password.").waitFor();
  const edited = () => page.evaluate(() => window.calls.findLast((one) => one.command === "edit_source").args);
  await page.getByLabel("Password", { exact: true }).fill("n/w @1");
  await save.click();
  await page.getByText("Saved").waitFor();
  const id = (await edited()).id;
  assert.deepEqual(await edited(), { id, name: null, origin: "postgres://ada:n%2Fw%20%401@db.example.com:5432/shop?sslmode=require" });
  await page.getByLabel("Host").fill("db2.example.com");
  await page.getByText("The stored password is used only").waitFor();
  await page.getByRole("button", { name: "Test connection" }).click();
  const probed = await page.evaluate(() => window.calls.findLast((one) => one.command === "probe_source").args);
  assert.deepEqual(probed, { origin: "postgres://ada@db2.example.com:5432/shop?sslmode=require", like: id });
  await close();
});

test("a restore is prefilled, looked at, and its result says how to open it", async () => {
  const { page, close } = await source(set, "restoresFile", { width: 1280, height: 800 });
  await page.getByRole("button", { name: "Restore…" }).click();
  await page.getByText("doesn't exist yet").waitFor();
  assert.equal(await page.getByLabel("File", { exact: true }).inputValue(), "/home/ada/Downloads/shop-2026-11-25-1250.dump");
  await page.getByText("A database", { exact: true }).click();
  assert.equal(await page.getByLabel("Database", { exact: true }).inputValue(), "shop_restored_20261125");
  await page.waitForFunction(() => window.calls.findLast((one) => one.command === "check_target")?.args.to.kind === "database");
  const { to } = await page.evaluate(() => window.calls.findLast((one) => one.command === "check_target").args);
  assert.equal(to.url, "postgres://ada@db.example.com:5432/shop_restored_20261125?sslmode=require");
  assert.equal(to.like !== null && to.replace === "" && !to.ontoSource, true);
  await page.getByText("A file", { exact: true }).click();
  await page.locator("form button[type=submit]").click();
  await page.getByRole("heading", { name: "Restore finished" }).waitFor();
  await page.getByText("pg_restore --dbname=NEW_DATABASE").waitFor();
  await page.getByRole("button", { name: "Show in folder" }).click();
  const shown = await page.evaluate(() => window.calls.findLast((one) => one.command === "show_in_folder").args.path);
  assert.equal(shown, "/home/ada/Downloads/shop-2026-11-25-1250.dump");
  await page.getByRole("main").getByRole("button", { name: "Close" }).click();
  await page.getByRole("tab", { name: "Snapshots" }).waitFor();
  await close();
});

test("what a database holds is replaced only after its name was typed", async () => {
  const { page, close } = await source(set, "targetIsSource", { width: 1280, height: 800 });
  await page.getByRole("button", { name: "Restore…" }).click();
  await page.getByText("A database", { exact: true }).click();
  await page.getByLabel("Type the database name").fill("shop_restored_20261125");
  await page.getByRole("checkbox").check();
  await page.waitForFunction(() => window.calls.findLast((one) => one.command === "check_target").args.to.ontoSource);
  const { to } = await page.evaluate(() => window.calls.findLast((one) => one.command === "check_target").args);
  assert.equal(to.replace, "shop_restored_20261125");
  // The answer was for that database.
  await page.getByLabel("Database", { exact: true }).fill("other");
  await page.waitForFunction(() => window.calls.findLast((one) => one.command === "check_target").args.to.url.includes("/other"));
  const other = (await page.evaluate(() => window.calls.findLast((one) => one.command === "check_target").args)).to;
  assert.deepEqual([other.replace, other.ontoSource], ["", false]);
  await close();
});

test("a refusal is answered by its button, and the run begins again", async () => {
  for (const [scenario, button, choice, name] of [
    ["unusual", "Back up anyway", "force", null],
    ["otherSource", "Confirm it's the same source", "sameSource", null],
    ["otherSource", "Back up under this name", "rename", "shop-2"],
    ["mayBeCopy", "Confirm it's a copy", "toCopy", null],
    ["missing", "Restore without owners", "noOwner", null],
    ["missing", "Skip missing objects", "skipMissing", null],
    ["partly", "Skip rejected statements", "continueOnError", null],
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
  assert.equal(await page.getByRole("group", { name: "Options" }).count(), 0);
  await close();
});

test("marks stand beside snapshots on the overview, in lists and beside a result", async () => {
  const { page, close } = await set.open("marked", { height: 900 });
  const panel = page.getByRole("region", { name: "Backing up shop" });
  await panel.getByText("smaller than usual, different format than before").waitFor();
  await page.getByRole("navigation").getByRole("button", { name: "Snapshots" }).click();
  await page.getByRole("grid").getByText("smaller than usual").first().waitFor();
  await close();
});

test("the keyboard alone makes an account and comes back", async () => {
  const { page, close } = await set.open("fresh");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Create your account" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("type")), "email");
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

const focused = (page) => page.evaluate(() => document.activeElement?.labels?.[0]?.textContent ?? document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim());
const called = (page, command) => page.evaluate((command) => window.calls.filter((one) => one.command === command).map((one) => one.args), command);

test("each step of the first run begins in its first field, and an error returns there", async () => {
  for (const [scenario, field] of [["code", "6-digit code"], ["factor", "6-digit code from your authenticator"], ["words", "Recovery words, in order"], ["signIn", "Password"]]) {
    const { page, close } = await set.open(scenario);
    await page.getByLabel(field, { exact: true }).waitFor();
    assert.equal(await focused(page), field, scenario);
    if (scenario === "code") {
      await page.keyboard.type("123456");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").waitFor();
      await page.waitForFunction(() => document.activeElement?.tagName === "INPUT");
    }
    await close();
  }
});

test("the kit is left only after words and codes were saved, and its file or three words confirm it", async () => {
  const { page, close } = await set.open("kitDone");
  await page.evaluate(() => {
    window.print = () => (window.printed = document.querySelector(".printing ol").classList[0]);
    navigator.clipboard.writeText = async (text) => (window.copied = text);
  });
  const next = page.getByRole("button", { name: "Continue" });
  assert.equal(await next.isDisabled(), true);
  assert.equal(await page.locator(".words li").first().innerText(), "1 abandon");
  assert.equal(await page.getByRole("button", { name: "Back" }).count(), 0);
  await page.getByRole("button", { name: "Print: Recovery codes" }).click();
  assert.equal(await page.evaluate(() => window.printed), "codes");
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  assert.deepEqual(await contrast(page), []);
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(251, 250, 246)");
  assert.equal(await page.getByText("The 24 words").isVisible(), false);
  assert.equal(await page.getByText("Recovery codes", { exact: true }).isVisible(), true);
  await page.emulateMedia({ media: "screen", colorScheme: "light" });
  assert.equal(await next.isDisabled(), true);
  await page.getByRole("button", { name: "Copy: The 24 words" }).click();
  await page.getByText("Copied").waitFor();
  assert.equal((await page.evaluate(() => window.copied)).split(" ").length, 24);
  await next.click();
  assert.equal(await focused(page), "Enter words 3, 11, and 20");
  await page.getByRole("button", { name: "Show the words again" }).click();
  assert.equal(await focused(page), "Save your recovery kit");
  await page.getByRole("button", { name: "Save as PDF" }).click();
  await page.getByText("Saved to").waitFor();
  await next.click();
  await page.getByRole("button", { name: "Choose the file…" }).click();
  await page.getByRole("heading", { name: "What do you want to back up first?" }).waitFor();
  assert.equal((await called(page, "kit_file")).length, 1);
  await page.getByRole("navigation", { name: "Step 4 of 4" }).waitFor();
  await page.waitForFunction(() => document.activeElement?.tagName === "INPUT");
  await close();
});

const screenOf = (name) => screens.find((one) => one.name === name);

test("a schedule asks for the start at login, once", async () => {
  for (const [every, ticked, wanted] of [["day", true, 1], ["day", false, 0], ["manual", true, 0]]) {
    const opened = await set.open("kitDone");
    const { page, close } = opened;
    await show(opened, screenOf("first-schedule"));
    await page.getByLabel("Start Sealkeep at login").setChecked(ticked);
    await page.getByLabel("Schedule", { exact: true }).selectOption(every);
    await page.getByLabel("Save without").check();
    await page.getByRole("button", { name: "Save without backing up" }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    assert.equal((await called(page, "set_autostart")).length, wanted, `${every} ${ticked}`);
    await close();
  }
});

test("the checklist knows what is done, turns on the start at login, and can be hidden", async () => {
  const opened = await set.open("setUp");
  const { page, close } = opened;
  await show(opened, screenOf("home-setup-backed-up"));
  const list = page.getByRole("region", { name: "Finish setting up" });
  await list.getByText("2 of 5").waitFor();
  await list.getByRole("button", { name: "Start at login" }).click();
  await list.getByText("3 of 5").waitFor();
  assert.deepEqual(await called(page, "set_autostart"), [{ on: true }]);
  await list.getByRole("button", { name: "Restore…" }).click();
  await page.getByRole("heading", { name: "Restore shop" }).waitFor();
  await page.getByRole("navigation").getByRole("button", { name: "Overview" }).click();
  await list.getByRole("button", { name: "Hide checklist" }).click();
  await list.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => localStorage.getItem("checklist")), null);
  await close();
});

test("a large window of the first run has a quiet side, in both themes and languages", async () => {
  for (const language of ["en", "de"]) {
    const { page, problems, close } = await set.open("kit", { width: 1440, height: 900, language, motion: "reduce" });
    await page.getByRole("complementary").waitFor();
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await accessible(page);
      assert.deepEqual(await contrast(page), [], colorScheme);
    }
    await page.setViewportSize({ width: 640, height: 480 });
    assert.equal(await page.getByRole("complementary").count(), 0);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    assert.deepEqual(problems, []);
    await close();
  }
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

test("a row opens its menu by right-click and by keyboard, and its source by a click anywhere", async () => {
  const { page, close } = await set.open("home");
  const row = page.getByRole("listitem").filter({ has: page.getByRole("button", { name: "Details of shop" }) });
  await row.click({ button: "right", position: { x: 30, y: 10 } });
  await page.getByRole("menu").getByRole("menuitem", { name: "Restore…" }).waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("menu").count(), 0);
  await page.getByRole("button", { name: "Details of shop" }).focus();
  await page.keyboard.press("Shift+F10");
  await page.getByRole("menuitem", { name: "Back up now" }).waitFor();
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.evaluate(() => document.activeElement?.querySelector("span")?.textContent), "Restore…");
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Details of shop");
  await row.click({ position: { x: 200, y: 8 } });
  await page.getByRole("heading", { name: "shop", level: 1 }).waitFor();
  await close();
});

test("keys move between the rows of databases, open them and act on them", async () => {
  const { page, close } = await set.open("plenty", { height: 700 });
  const name = () => page.evaluate(() => document.activeElement?.closest("li")?.querySelector(".open")?.textContent);
  await page.getByRole("button", { name: "Details of db-199" }).waitFor();
  const names = await page.getByRole("button", { name: /^Details of/ }).allTextContents();
  await page.getByRole("button", { name: `Details of ${names[0]}`, exact: true }).focus();
  for (const [keys, row] of [["ArrowUp", 0], ["ArrowDown", 1], ["End", 199], ["ArrowDown", 199], ["ArrowUp", 198], ["Home", 0]]) {
    await page.keyboard.press(keys);
    assert.equal(await name(), names[row], keys);
  }
  await page.keyboard.press("PageDown");
  const page1 = names.indexOf(await name());
  assert.ok(page1 > 4 && page1 < 14, `${page1} rows`);
  await page.keyboard.press("PageUp");
  assert.equal(await name(), names[0]);
  // From another button of the row; in a menu they move in the menu.
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  assert.equal(await name(), names[1]);
  await page.keyboard.press("Shift+F10");
  await page.keyboard.press("End");
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^Details of/);
  await page.keyboard.press("Escape");
  await page.keyboard.press("b");
  await page.waitForFunction(() => window.calls.some((one) => one.command === "start_backup"));
  await close();

  for (const [keys, heading] of [["r", "Restore warehouse"], ["e", "warehouse"], ["Enter", "warehouse"]]) {
    const { page, close } = await set.open("home");
    await page.getByRole("button", { name: "Details of warehouse" }).focus();
    await page.keyboard.press(keys);
    await page.getByRole("heading", { name: heading, level: 1 }).waitFor();
    assert.equal(await page.getByRole("tab", { name: "Connection", selected: true }).count(), keys === "e" ? 1 : 0);
    await close();
  }
});

test("a snapshot's menu opens by right-click and by keyboard, and shows the keys that do the same", async () => {
  const { page, close } = await source(set, "good", { width: 1280, height: 800 });
  await rows(page).nth(2).click({ button: "right" });
  const menu = page.getByRole("menu", { name: "Actions for this snapshot" });
  await menu.getByRole("menuitem", { name: "Show or hide details" }).click();
  await page.getByRole("complementary").waitFor();
  assert.match(await rows(page).nth(2).getAttribute("class"), /active/);
  await page.keyboard.press("Home");
  await page.keyboard.press("Shift+F10");
  assert.equal(await menu.getByRole("menuitem", { name: "Compare 2 selected" }).isDisabled(), true);
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("role")), "grid");
  await page.keyboard.press("ContextMenu");
  await page.keyboard.press("r");
  await page.getByRole("heading", { name: "Restore shop", level: 1 }).waitFor();
  await close();
});

test("a day of the calendar leads to its runs and back, by pointer and by keyboard", async () => {
  const { page, close } = await set.open("home", { width: 1280, height: 900 });
  const calendar = page.getByRole("grid", { name: /^Backups by day/ });
  const day = (text) => calendar.getByRole("gridcell", { name: text });
  // Each result has a shape of its own, also without colors.
  const shapes = await page.locator("ul .cell").evaluateAll((cells) =>
    cells.map((cell) => [getComputedStyle(cell).borderTopStyle, getComputedStyle(cell).backgroundColor !== "rgba(0, 0, 0, 0)", cell.querySelector("path")?.getAttribute("d")].join()),
  );
  assert.equal(shapes.length, 5);
  assert.equal(new Set(shapes).size, 5, shapes.join(" | "));
  await day("1 failed").last().click();
  const found = page.getByRole("region", { name: /^Today/ });
  await found.getByRole("button", { name: "warehouse" }).click();
  await page.getByRole("tab", { name: "Runs", selected: true }).waitFor();
  await page.getByRole("heading", { name: /^Today/ }).waitFor();
  await page.getByRole("main").getByRole("button", { name: "Overview" }).click();
  await found.waitFor();
  await found.getByRole("button", { name: "Close" }).click();
  await found.waitFor({ state: "detached" });

  // By keyboard: a week back, a day back, and a day's run.
  await page.getByRole("button", { name: "Details of shop" }).click();
  await page.getByRole("tab", { name: "Runs" }).click();
  await page.getByRole("table").waitFor();
  const all = await page.getByRole("table").getByRole("row").count();
  await calendar.focus();
  const active = () => page.evaluate(() => Number(document.getElementById(document.activeElement.getAttribute("aria-activedescendant")).dataset.day));
  const start = await active();
  for (const [keys, days] of [["ArrowLeft", -7], ["ArrowUp", -8], ["ArrowRight", -1], ["PageUp", -29], ["PageDown", -1], ["End", 0], ["ArrowDown", 0], ["PageUp", -28]]) {
    await page.keyboard.press(keys);
    assert.equal(Math.round((await active() - start) / 86_400_000), days, keys);
  }
  await page.keyboard.press("Enter");
  assert.equal(await page.getByRole("table").getByRole("row").count(), 2);
  await page.getByRole("button", { name: "Show all runs" }).click();
  assert.equal(await page.getByRole("table").getByRole("row").count(), all);
  await close();
});

test("a calendar is a quarter until there is more, and then as much of a year as fits", async () => {
  for (const [scenario, width, weeks] of [["home", 1280, 13], ["many", 1280, 53], ["many", 640, 30]]) {
    const { page, close } = await set.open(scenario, { width, height: 800 });
    const days = await page.getByRole("grid", { name: /^Backups by day/ }).getByRole("gridcell").count();
    assert.ok(Math.abs(Math.ceil(days / 7) - weeks) <= (weeks === 30 ? 2 : 0), `${scenario} ${width}: ${days} days`);
    await close();
  }
});

test("a restore cannot start while its target is refused, and says why", async () => {
  const { page, close } = await source(set, "targetFile", { width: 1280, height: 800 });
  await page.getByRole("button", { name: "Restore…" }).click();
  const start = page.locator("form button[type=submit]");
  await page.getByText("Already exists", { exact: true }).waitFor();
  assert.equal(await start.isDisabled(), true);
  const why = await page.evaluate(() => document.getElementById(document.querySelector("form button[type=submit]").getAttribute("aria-describedby")).textContent);
  assert.match(why, /Already exists.*Choose another name/);
  await page.getByLabel("File", { exact: true }).focus();
  await page.keyboard.press("Enter");
  assert.equal((await called(page, "start_restore")).length, 0);
  // Another target is checked first; the same one on demand.
  await page.getByLabel("File", { exact: true }).fill("/home/ada/other.dump");
  assert.equal(await start.isDisabled(), false);
  assert.equal(await start.getAttribute("aria-describedby"), null);
  await page.getByText("Already exists", { exact: true }).waitFor();
  assert.equal(await start.isDisabled(), true);
  const checks = (await called(page, "check_target")).length;
  await page.getByRole("button", { name: "Check again" }).click();
  await page.getByText("Already exists", { exact: true }).waitFor();
  assert.equal((await called(page, "check_target")).length, checks + 1);
  await close();

  // This refusal is a question that the restore asks.
  const other = await source(set, "targetMayBeCopy", { width: 1280, height: 800 });
  await other.page.getByRole("button", { name: "Restore…" }).click();
  await other.page.getByText("asked to confirm that it").waitFor();
  assert.equal(await other.page.locator("form button[type=submit]").isDisabled(), false);
  await other.close();
});

test("the failing come first, then the late, and only they are shown if asked", async () => {
  const { page, close } = await set.open("home");
  const names = () => page.getByRole("button", { name: /^Details of/ }).allTextContents();
  await page.getByText("3 databases need attention.").waitFor();
  assert.deepEqual(await names(), ["warehouse", "audit-log", "analytics", "shop", "legacy.dump"]);
  await page.getByRole("button", { name: "Show only these" }).click();
  assert.deepEqual(await names(), ["warehouse", "audit-log", "analytics"]);
  await close();
});

test("a source that failed says when it is tried again", async () => {
  const { page, close } = await set.open("home", { width: 1280, height: 800 });
  await page.getByText("Next attempt in 25 minutes.").waitFor();
  await page.getByRole("button", { name: "Details of warehouse" }).click();
  await page.getByRole("tab", { name: "Schedule" }).click();
  await page.getByText("Next attempt in 25 minutes.").waitFor();
  await close();
});

test("every run opens to its log, and a failed one is tried again as what it was", async () => {
  /** The row with this text is open. */
  const open = async (text) => {
    const { page, close } = await source(set, "home", { width: 1280, height: 800 });
    await page.getByRole("tab", { name: "Runs" }).click();
    await page.getByRole("row").filter({ hasText: text }).first().getByRole("button").click();
    const last = (command) => page.evaluate((command) => window.calls.findLast((one) => one.command === command)?.args, command);
    return { page, close, last };
  };
  // A backup, with the way to its cause.
  const backup = await open("Database authentication failed");
  await backup.page.getByRole("list", { name: "Log" }).getByText("password authentication failed").waitFor();
  await backup.page.getByRole("button", { name: "Edit connection" }).last().waitFor();
  await backup.page.getByRole("button", { name: "Try again", exact: true }).click();
  assert.ok(await backup.last("start_backup"));
  await backup.close();

  const verification = await open("Can't reach the Sealkeep service");
  await verification.page.getByText("This run has no log.").waitFor();
  await verification.page.getByRole("button", { name: "Try again", exact: true }).click();
  assert.equal((await verification.last("start_verify")).source, "shop");
  await verification.close();

  // A restore shows its target first.
  const restore = await open("Restored in part");
  await restore.page.getByRole("button", { name: "Try again…" }).click();
  assert.equal(await restore.page.getByLabel("Connection URL").inputValue(), "postgres://ada@db.example.com:5432/shop_restored");
  assert.equal(await restore.last("start_restore"), undefined);
  await restore.close();

  const done = await open("standard output");
  await done.page.getByText("was created").waitFor();
  assert.equal(await done.page.getByRole("button", { name: /^Try again/ }).count(), 0);
  await done.close();
});

test("diagnostics are read before they are saved, and saved as they were shown", async () => {
  const { page, close } = await set.open("home", { width: 1280, height: 800 });
  await page.getByRole("navigation").getByRole("button", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Export diagnostics…" }).click();
  const dialog = page.getByRole("dialog", { name: "Export diagnostics" });
  await dialog.getByText("The last 50 runs").waitFor();
  await dialog.getByRole("row").filter({ hasText: "The last 50 runs" }).getByText("5.92 kB").waitFor();
  const saves = () => page.evaluate(() => window.calls.filter((one) => one.command === "save_diagnostics").length);
  assert.equal(await saves(), 0);
  await dialog.getByText("Show the text").click();
  await dialog.getByText("sealkeep 0.1.0, sealkeep-desktop").waitFor();
  await dialog.getByRole("button", { name: "Save file…" }).click();
  await dialog.getByText("Saved to /home/ada/sealkeep-debug.txt").waitFor();
  assert.equal(await saves(), 1);
  await dialog.getByRole("button", { name: "Close" }).click();
  await dialog.waitFor({ state: "hidden" });
  await close();
});

test("a timer that cannot follow is told", async () => {
  const edited = await source(set, "editedTimer", { width: 1280, height: 800 });
  await edited.page.getByRole("tab", { name: "Connection" }).click();
  await edited.page.getByLabel("Password", { exact: true }).fill("n/w @1");
  await edited.page.getByRole("button", { name: "Save", exact: true }).click();
  await edited.page.getByText("only an administrator can change it").waitFor();
  await edited.close();
  const removed = await source(set, "editedTimer", { width: 1280, height: 800 });
  await removed.page.getByRole("button", { name: "More" }).click();
  await removed.page.getByRole("menuitem").click();
  await removed.page.getByRole("button", { name: "Remove", exact: true }).click();
  await removed.page.getByText("its file is kept as /home/ada").waitFor();
  await removed.close();
});

test("what is not known is not shown as nothing", async () => {
  for (const [scenario, calendars, empty] of [["offline", 0, 0], ["home", 1, 0], ["empty", 0, 1]]) {
    const { page, close } = await set.open(scenario);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.getByText("Loading").waitFor({ state: "detached" });
    assert.equal(await page.getByRole("heading", { name: "Backups by day" }).count(), calendars, scenario);
    await page.getByRole("navigation").getByRole("button", { name: "Snapshots" }).click();
    await page.getByRole("heading", { name: "Snapshots", exact: true }).waitFor();
    assert.equal(await page.getByText("No snapshots yet").count(), empty, scenario);
    await close();
  }
});

test("a run that ends before its start is answered is over", async () => {
  const { page, close } = await set.open("shortRun");
  const start = page.getByRole("button", { name: "Back up now" }).first();
  await start.click();
  await page.getByText("shop backed up").waitFor();
  assert.ok(await start.isEnabled());
  await close();
});

test("a toast goes by itself, but not under the pointer", async () => {
  const { page, close } = await set.open("done", { clock: true });
  const toast = page.getByText("shop backed up");
  await toast.hover();
  await page.clock.runFor(20_000);
  assert.equal(await toast.count(), 1);
  await page.mouse.move(0, 0);
  await page.clock.runFor(8_500);
  await toast.waitFor({ state: "detached" });
  assert.ok(await page.evaluate(() => window.calls.some((one) => one.command === "dismiss_run")));
  await close();
});

test("two hundred sources are at most three hundred list entries", async () => {
  const { page, close } = await set.open("plenty");
  await page.getByRole("button", { name: "Details of db-199" }).waitFor();
  assert.ok((await page.getByRole("listitem").count()) <= 300);
  await close();
});

const palette = (page) => page.getByRole("combobox", { name: "Search commands and databases" });
const options = (page) => page.getByRole("option");
/** The text of the row that Enter runs. */
const active = (page) => page.evaluate(() => document.getElementById(document.activeElement.getAttribute("aria-activedescendant"))?.textContent.trim());
const lastCall = (page, command) => page.evaluate((command) => window.calls.findLast((one) => one.command === command)?.args, command);

test("the palette is found by its key on every page, is walked by arrows, and returns the focus", async () => {
  const { page, close } = await set.open("home");
  await page.getByRole("button", { name: "Details of shop" }).focus();
  await page.keyboard.press("Control+k");
  assert.equal(await focused(page), "Search commands and databases");
  assert.match(await active(page), /^Edit connection warehouse/);
  await page.keyboard.press("ArrowUp");
  assert.match(await active(page), /^Open legacy.dump/);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.match(await active(page), /^Back up now audit-log/);
  assert.equal(await options(page).and(page.locator("[aria-selected=true]")).count(), 1);
  await page.keyboard.press("Escape");
  await palette(page).waitFor({ state: "detached" });
  assert.equal(await focused(page), "Details of shop");
  for (const name of ["Snapshots", "Devices", "Activity", "Settings", "Overview"]) {
    await page.keyboard.press("Control+k");
    await page.keyboard.type(`open ${name.toLowerCase()}`);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name, level: 1 }).waitFor();
    await page.waitForFunction(() => document.activeElement?.localName === "h1");
  }
  // What was used last is first.
  await page.keyboard.press("Control+k");
  assert.equal(await options(page).first().textContent().then((text) => text.trim().startsWith("Open Overview")), true);
  await page.keyboard.press("Control+k");
  await palette(page).waitFor({ state: "detached" });
  await close();
});

test("two hundred databases are at most fifty rows of the palette, and each is found", async () => {
  const { page, close } = await set.open("plenty");
  await page.getByRole("button", { name: "Details of db-199" }).waitFor();
  await page.keyboard.press("Control+k");
  assert.equal(await options(page).count(), 50);
  await page.keyboard.type("db");
  assert.equal(await options(page).count(), 50);
  await page.getByText("more. Type to narrow the list.").waitFor();
  await page.keyboard.type("-199 backup");
  assert.deepEqual(await options(page).allTextContents().then((all) => all.map((one) => one.trim())), ["Back up now db-199"]);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => window.calls.some((one) => one.command === "start_backup"));
  await page.keyboard.press("Control+k");
  await page.keyboard.type("rest 42");
  await options(page).first().click();
  await page.getByRole("heading", { name: "Restore db-42" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("edit db-7");
  await page.keyboard.press("Enter");
  await page.getByRole("tab", { name: "Connection", selected: true }).waitFor();
  // Also from the page of the same source.
  await page.getByRole("tab", { name: "Snapshots" }).click();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("edit db-7");
  await page.keyboard.press("Enter");
  await page.getByRole("tab", { name: "Connection", selected: true }).waitFor();
  await close();
});

test("the palette pauses and stops what runs, and what it does not find is searched in the snapshots", async () => {
  const { page, close } = await set.open("running");
  await page.getByRole("progressbar").waitFor();
  await page.keyboard.press("Control+k");
  assert.match(await active(page), /^Pause/);
  assert.equal(await options(page).filter({ hasText: "Back up now" }).count(), 0);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => window.calls.some((one) => one.command === "pause_run"));
  await page.keyboard.press("Control+k");
  await page.keyboard.type("stop");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => window.calls.some((one) => one.command === "cancel_run"));
  assert.equal(await lastCall(page, "start_backup"), undefined);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("yesterday");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Snapshots", level: 1 }).waitFor();
  assert.equal(await page.getByRole("searchbox").inputValue(), "yesterday");
  await close();
});

test("the theme follows the palette, also where it is chosen", async () => {
  const { page, close } = await set.open("home");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("Control+,");
  await page.getByRole("heading", { name: "Settings", level: 1 }).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("dark");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
  assert.equal(await page.getByRole("radio", { name: "Dark" }).isChecked(), true);
  await close();
});

test("a shortcut does what its list says, and no text field loses a key", async () => {
  const { page, close } = await set.open("home");
  await page.getByRole("heading", { level: 1 }).waitFor();
  for (const [keys, name] of [["Control+2", "Snapshots"], ["Control+3", "Devices"], ["Control+4", "Activity"], ["Control+5", "Settings"], ["Control+1", "Overview"], ["Control+n", "Add a database"]]) {
    await page.keyboard.press(keys);
    await page.getByRole("heading", { name, level: 1 }).waitFor();
  }
  const field = page.getByLabel("Connection URL");
  await field.focus();
  await page.keyboard.type("a/b?c");
  assert.equal(await field.inputValue(), "a/b?c");
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Backspace");
  assert.equal(await field.inputValue(), "");
  await page.keyboard.press("Control+k");
  await palette(page).waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await field.evaluate((element) => element === document.activeElement), true);
  for (const keys of ["Control+4", "Control+2"]) {
    await page.keyboard.press(keys);
    await page.getByRole("searchbox").waitFor();
    await page.waitForFunction(() => document.activeElement?.localName === "h1");
    await page.keyboard.press("/");
    assert.equal(await page.getByRole("searchbox").evaluate((element) => element === document.activeElement && element.value === ""), true);
  }
  await page.keyboard.press("Control+1");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.keyboard.press("?");
  const list = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await list.getByText("Search this page").waitFor();
  // From the list itself, and again.
  await page.keyboard.press("?");
  await list.waitFor({ state: "hidden" });
  await page.keyboard.press("?");
  await page.keyboard.press("Control+2");
  await page.getByRole("heading", { name: "Snapshots", level: 1 }).waitFor();
  assert.equal(await list.count(), 0);
  await close();
});

test("no shortcut works before sign-in, above a question or in a menu", async () => {
  const before = await set.open("fresh");
  await before.page.getByRole("heading", { level: 1 }).waitFor();
  for (const keys of ["Control+k", "?", "Control+n"]) await before.page.keyboard.press(keys);
  assert.equal(await before.page.locator("dialog[open], [role=combobox]").count(), 0);
  await before.close();

  const { page, close } = await source(set, "home");
  await page.getByRole("button", { name: "More" }).click();
  await page.keyboard.press("Control+k");
  assert.equal(await palette(page).count(), 0);
  await page.getByRole("menuitem").click();
  await page.getByRole("dialog", { name: "Remove from this device" }).waitFor();
  for (const keys of ["Control+k", "?", "Control+2"]) await page.keyboard.press(keys);
  assert.equal(await palette(page).count(), 0);
  assert.equal(await page.locator("dialog[open]").count(), 1);
  await page.getByRole("heading", { name: "shop", level: 1, includeHidden: true }).waitFor();
  await close();
});

test("numbers are never cut", async () => {
  for (const [scenario, language] of [["home", "en"], ["home", "de"], ["running", "de"]]) {
    for (const width of [640, 900, 1280, 1440]) {
      const { page, close } = await set.open(scenario, { language, width, height: 800 });
      await page.locator(".rows").waitFor();
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll(".number, .value, .facts span, .facts strong, .act")]
          .filter((one) => one.checkVisibility() && (one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0 || one.getBoundingClientRect().right > innerWidth))
          .map((one) => one.textContent),
      );
      assert.deepEqual(cut, [], `${scenario} ${language} ${width}`);
      await close();
    }
  }
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
