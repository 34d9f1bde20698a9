// The service of the first run, the files of the kit, and what asks before the app ends.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { screens, show } from "./screens.js";
import { stage } from "./stage.js";

let set;
before(async () => (set = await stage()));
after(() => set.close());

const called = (page, command) => page.evaluate((command) => window.calls.filter((one) => one.command === command).map((one) => one.args), command);
const screenOf = (name) => screens.find((one) => one.name === name);
const signal = (page, what) => page.evaluate((what) => window.signal(what), what);

async function account(scenario) {
  const opened = await set.open(scenario, { width: 900, height: 900 });
  await opened.page.getByRole("button", { name: "Start backing up" }).click();
  return opened;
}

/** What was typed last counts, whatever comes back when. */
test("the service is looked at while it is typed, and a late answer changes nothing", async () => {
  const { page, problems, close } = await account("services");
  await page.getByText("https://api.example.com: Sealkeep 0.2.0, Canada").waitFor();
  await page.getByRole("button", { name: "Use another service" }).click();
  const field = page.getByLabel("Service address");
  assert.equal(await field.evaluate((element) => element === document.activeElement), true);
  await field.fill("slow.example.com");
  await page.waitForFunction(() => window.calls.some((one) => one.args?.address === "https://slow.example.com"));
  await field.fill("cafe.example.com");
  await page.getByText("No Sealkeep service at this address").waitFor();
  await page.waitForTimeout(1300);
  assert.equal(await page.getByText("0.0.9").count(), 0);
  await page.getByText("No Sealkeep service at this address").waitFor();
  await field.fill("localhost:8787");
  await page.getByText("http://localhost:8787: Sealkeep 0.2.0").waitFor();
  // Letter by letter is one question.
  const before = (await called(page, "check_service")).length;
  await field.fill("");
  await field.pressSequentially("abc.example.com", { delay: 10 });
  await page.getByText("https://abc.example.com: Sealkeep").waitFor();
  assert.equal((await called(page, "check_service")).length, before + 1);
  assert.deepEqual(problems, []);
  await close();
});

test("another service is remembered before the account is created, and offers its own regions", async () => {
  const { page, close } = await account("services");
  await page.getByRole("button", { name: "Use another service" }).click();
  await page.getByLabel("Service address").fill("backup.example.com");
  await page.getByText("https://backup.example.com: Sealkeep").waitFor();
  assert.deepEqual(await page.getByRole("radio").evaluateAll((all) => all.map((one) => one.value)), ["ca"]);
  // A region that one service lacks is still the user's choice for the next.
  await page.getByLabel("Service address").fill("cafe.example.com");
  await page.getByText("No Sealkeep service").waitFor();
  assert.equal(await page.getByRole("radio", { name: "European Union" }).isChecked(), true);
  await page.getByLabel("Service address").fill("backup.example.com");
  await page.getByText("https://backup.example.com: Sealkeep").waitFor();
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await page.getByRole("button", { name: "Create account", disabled: false }).click();
  await page.getByRole("heading", { name: "Set up two-step sign-in" }).waitFor();
  const order = await page.evaluate(() => window.calls.map((one) => one.command).filter((one) => ["choose_service", "sign_up"].includes(one)));
  assert.deepEqual(order, ["choose_service", "sign_up"]);
  assert.deepEqual(await called(page, "choose_service"), [{ address: "https://backup.example.com" }]);
  assert.equal((await called(page, "sign_up"))[0].region, "ca");
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByText("Service: https://backup.example.com").waitFor();
  await close();
});

test("what is no service is neither remembered nor given a password", async () => {
  const opened = await set.open("services");
  const { page, close } = opened;
  await show(opened, screenOf("service-none"));
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("alert").waitFor();
  for (const command of ["choose_service", "sign_in"]) assert.deepEqual(await called(page, command), [], command);
  // Back to the known one.
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: "Two-step sign-in" }).waitFor();
  assert.deepEqual(await called(page, "choose_service"), []);
  await close();
});

test("a service named by the environment, or of a known account, is not chosen here", async () => {
  const { page, close } = await account("serviceFixed");
  await page.getByText("Set by SEALKEEP_SERVER").waitFor();
  await page.getByText("https://given.example.com: Sealkeep").waitFor();
  assert.equal(await page.getByRole("button", { name: "Use another service" }).count(), 0);
  await close();
  const known = await set.open("signIn");
  await known.page.getByLabel("Password", { exact: true }).waitFor();
  assert.equal(await known.page.getByRole("button", { name: "Use another service" }).count(), 0);
  await known.close();
});

test("the codes are saved as a file of their own", async () => {
  const { page, close } = await set.open("kit");
  const kept = page.getByLabel("written down the codes");
  const next = page.getByRole("button", { name: "Continue" });
  await page.getByRole("button", { name: "Save as PDF" }).click();
  await page.getByText("sealkeep-recovery-kit-ada.pdf").waitFor();
  assert.deepEqual([await kept.isChecked(), await next.isDisabled()], [false, true]);
  await page.getByRole("button", { name: "Save codes" }).click();
  await page.getByText("sealkeep-recovery-codes-ada.txt").waitFor();
  assert.deepEqual([await kept.isChecked(), await next.isDisabled()], [true, false]);
  const [{ codes }] = await called(page, "save_codes");
  assert.equal(codes.length, 10);
  assert.deepEqual(await page.locator(".codes li").allInnerTexts(), codes);
  await page.getByRole("button", { name: "Show in folder" }).last().click();
  assert.deepEqual(await called(page, "show_in_folder"), [{ path: "/home/ada/Documents/sealkeep-recovery-codes-ada.txt" }]);
  await close();
});

test("new codes can be saved, too", async () => {
  const opened = await set.open("home");
  await show(opened, screenOf("recovery-codes"));
  await opened.page.getByRole("button", { name: "Save codes" }).click();
  await opened.page.getByText("sealkeep-recovery-codes-ada.txt").waitFor();
  assert.equal((await called(opened.page, "save_codes"))[0].codes.length, 10);
  await opened.close();
});

test("before the window closes it says what stops, and remembers the answer if asked to", async () => {
  const opened = await set.open("leaving");
  const { page, close } = opened;
  await show(opened, screenOf("leave"));
  const dialog = page.getByRole("dialog", { name: "Keep Sealkeep running?" });
  await dialog.getByText("Scheduled backups of 3 sources stop until you open Sealkeep again.").waitFor();
  await dialog.getByText(/^Next backup: shop \(T(oday|omorrow), /).waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Keep running" }).evaluate((element) => element === document.activeElement), true);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  assert.deepEqual(await called(page, "leave"), []);
  // Asked again, the box is empty.
  await signal(page, { what: "leave", quit: false });
  await dialog.getByLabel("Don't ask again").check();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await signal(page, { what: "leave", quit: false });
  await dialog.getByRole("button", { name: "Quit Sealkeep" }).click();
  assert.deepEqual(await called(page, "leave"), [{ choice: "quit", remember: false }]);
  await signal(page, { what: "leave", quit: false });
  await dialog.getByLabel("Don't ask again").check();
  await dialog.getByRole("button", { name: "Keep running" }).click();
  assert.deepEqual((await called(page, "leave"))[1], { choice: "keepRunning", remember: true });
  await close();
});

test("quitting during a run asks, and nothing is remembered", async () => {
  const { page, close } = await set.open("leavingRun");
  await page.getByRole("progressbar").waitFor();
  await page.keyboard.press("Control+q");
  await page.waitForFunction(() => window.calls.some((one) => one.command === "quit"));
  await signal(page, { what: "leave", quit: true });
  const dialog = page.getByRole("dialog", { name: "Quit Sealkeep?" });
  await dialog.getByText("The running backup of shop stops. No snapshot is created.").waitFor();
  assert.equal(await dialog.getByRole("checkbox").count(), 0);
  assert.equal(await dialog.getByRole("button", { name: "Keep running" }).count(), 0);
  assert.equal(await dialog.getByRole("button", { name: "Cancel" }).evaluate((element) => element === document.activeElement), true);
  await dialog.getByRole("button", { name: "Quit Sealkeep" }).click();
  assert.deepEqual(await called(page, "leave"), [{ choice: "quit", remember: false }]);
  await close();
});

test("the answer to closing is changed in Settings", async () => {
  const { page, close } = await set.open("home");
  await page.getByRole("navigation").getByRole("button", { name: "Settings" }).click();
  const list = page.getByLabel("When you close the window");
  assert.equal(await list.inputValue(), "ask");
  for (const [value, choice] of [["quit", "quit"], ["keepRunning", "keepRunning"], ["ask", null]]) {
    await list.selectOption(value);
    assert.deepEqual((await called(page, "set_on_close")).at(-1), { choice });
  }
  await close();
});

test("each item of the menu bar does what the palette does", async () => {
  const { page, close } = await set.open("home");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  const menu = (action) => signal(page, { what: "menu", action });
  for (const [action, heading] of [["snapshots", "Snapshots"], ["devices", "Devices"], ["activity", "Activity"], ["settings", "Settings"], ["add", "Add a database"], ["home", "Overview"]]) {
    await menu(action);
    await page.getByRole("heading", { name: heading, level: 1 }).waitFor();
  }
  await menu("snapshots");
  await page.getByRole("searchbox").waitFor();
  await page.waitForFunction(() => document.activeElement?.localName === "h1");
  await menu("search");
  await page.waitForFunction(() => document.activeElement?.getAttribute("type") === "search");
  await menu("palette");
  await page.getByRole("dialog", { name: "Command palette" }).waitFor();
  await page.keyboard.press("Escape");
  await menu("shortcuts");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await menu("quit");
  await page.waitForFunction(() => window.calls.some((one) => one.command === "quit"));
  const { menu: words, quit } = await page.evaluate(() => window.calls.findLast((one) => one.command === "set_tray_labels").args.words);
  assert.equal(quit, "Quit");
  assert.deepEqual(Object.entries(words).filter(([, text]) => text === ""), []);
  assert.equal(words.add, "Add a database");
  await close();
});

test("before sign-in the menu bar opens nothing", async () => {
  const { page, problems, close } = await set.open("fresh");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await signal(page, { what: "menu", action: "settings" });
  await signal(page, { what: "menu", action: "palette" });
  await page.getByRole("button", { name: "Start backing up" }).waitFor();
  assert.equal(await page.locator("dialog[open]").count(), 0);
  assert.deepEqual(problems, []);
  await close();
});

test("a hidden checklist is brought back from Settings or the palette, even when all is done", async () => {
  const { page, close } = await set.open("allDone");
  const list = page.getByRole("region", { name: "Finish setting up" });
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  assert.equal(await list.count(), 0);
  await page.getByRole("navigation").getByRole("button", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Show the setup checklist" }).click();
  await list.getByText("5 of 5").waitFor();
  await list.getByRole("button", { name: "Hide checklist" }).click();
  await list.waitFor({ state: "detached" });
  await page.keyboard.press("Control+k");
  await page.keyboard.type("checklist");
  await page.keyboard.press("Enter");
  await list.waitFor();
  // It is not offered while it is there.
  await page.keyboard.press("Control+k");
  await page.keyboard.type("checklist");
  assert.equal(await page.getByRole("option", { name: "Show the setup checklist" }).count(), 0);
  await close();
});

test("a source's first schedule asks for the start at login", async () => {
  const { page, close } = await set.open("unscheduled");
  await page.getByRole("button", { name: "Details of shop" }).first().click();
  await page.getByRole("tab", { name: "Schedule" }).click();
  await page.getByRole("combobox", { name: "Schedule" }).selectOption("day");
  assert.equal(await page.getByLabel("Start Sealkeep at login").isChecked(), true);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.waitForFunction(() => window.calls.some((one) => one.command === "set_schedule"));
  assert.deepEqual(await called(page, "set_autostart"), [{ on: true }]);
  await close();
});
