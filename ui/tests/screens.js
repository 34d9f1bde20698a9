// Every screen and state: its scenario, and how to reach it. Shared by the tests and the screenshots.
const press = (name) => (page) => page.getByRole("button", { name: new RegExp(`^${name}`) }).first().click();
const main = (name) => (page) => page.getByRole("navigation").getByRole("button", { name }).click();

const row = (number) => (page) => page.getByRole("grid").getByRole("row").and(page.locator("[aria-selected]")).nth(number - 1).click();
const tick = (number) => (page) => page.getByRole("grid").getByRole("checkbox").nth(number - 1).click();
/** A day of the calendar on which something has this result. */
const day = (result) => (page) => page.getByRole("gridcell", { name: new RegExp(result) }).last().click();
const start = (page) => page.locator("form button[type=submit]:not([disabled])").click();
/** The window itself listens, once its pages are there. */
const keys = (pressed) => async (page) => {
  await page.getByRole("navigation").first().waitFor();
  await page.keyboard.press(pressed);
  await page.locator("dialog[open]").waitFor();
};

/** The desktop closes the window, or ends the app. */
const leave = (quit) => async (page) => {
  await page.getByRole("navigation").first().waitFor();
  await page.evaluate((quit) => window.signal({ what: "leave", quit }), quit);
  await page.locator("dialog[open]").waitFor();
};

const keep = async (page) => {
  for (const label of ["written down the words", "written down the codes"]) await page.getByLabel(label).check();
};
const confirmKit = async (page) => {
  await keep(page);
  await press("Continue")(page);
  await page.getByLabel("Enter words").fill("able accident actress");
  await press("Confirm")(page);
  await page.getByRole("heading", { name: /What do you want|Add a database/ }).waitFor();
};

export const screens = [
  { name: "doors", scenario: "fresh" },
  { name: "account", scenario: "fresh", steps: [press("Start backing up"), (page) => page.getByLabel("Email").fill("ada@example.com"), (page) => page.getByLabel("Password", { exact: true }).fill("correct horse battery")] },
  { name: "sign-in", scenario: "fresh", steps: [press("Sign in or restore")] },
  { name: "service", scenario: "services", steps: [press("Start backing up"), press("Use another service"), (page) => page.getByLabel("Service address").fill("backup.example.com"), (page) => page.getByText("Sealkeep 0.2.0").waitFor()] },
  { name: "service-none", scenario: "services", steps: [press("Sign in or restore"), press("Use another service"), (page) => page.getByLabel("Service address").fill("https://cafe.example.com"), (page) => page.getByText("No Sealkeep service").waitFor()] },
  { name: "service-away", scenario: "serviceAway", steps: [press("Start backing up"), (page) => page.getByText("Can't reach").waitFor()] },
  { name: "service-fixed", scenario: "serviceFixed", steps: [press("Start backing up"), (page) => page.getByText("Set by").waitFor()] },
  { name: "code", scenario: "code" },
  { name: "code-wrong", scenario: "code", steps: [(page) => page.getByLabel("6-digit code").fill("123456"), press("Confirm"), (page) => page.getByRole("alert").waitFor()] },
  { name: "kit", scenario: "kit" },
  { name: "kit-saved", scenario: "kit", steps: [press("Save as PDF"), (page) => page.getByText("Saved to").waitFor()] },
  { name: "kit-codes-saved", scenario: "kit", steps: [press("Save codes"), (page) => page.getByText("Saved to").waitFor()] },
  { name: "kit-proof-file", scenario: "kit", steps: [press("Save as PDF"), keep, press("Continue")] },
  { name: "kit-proof", scenario: "kit", steps: [keep, press("Continue")] },
  { name: "kit-wrong", scenario: "kit", steps: [keep, press("Continue"), (page) => page.getByLabel("Enter words").fill("a b c"), press("Confirm"), (page) => page.getByRole("alert").waitFor()] },
  { name: "first-source", scenario: "kitDone", steps: [confirmKit] },
  { name: "first-schedule", scenario: "kitDone", steps: [confirmKit, (page) => page.getByLabel("Connection URL").fill("postgres://ada@db.example.com/shop"), press("Test connection"), (page) => page.getByLabel("Start Sealkeep at login").waitFor()] },
  { name: "home-setup", scenario: "kitDone", steps: [confirmKit, main("Overview")] },
  { name: "home-setup-backed-up", scenario: "setUp", steps: [confirmKit, main("Overview")] },
  { name: "factor", scenario: "factor" },
  { name: "words", scenario: "words" },
  { name: "sign-in-again", scenario: "signIn" },
  { name: "broken", scenario: "broken" },
  { name: "home-loading", scenario: "loading" },
  { name: "home-empty", scenario: "empty" },
  { name: "home", scenario: "home" },
  { name: "home-good", scenario: "good" },
  { name: "home-menu", scenario: "home", steps: [(page) => page.getByRole("button", { name: "Details of shop" }).click({ button: "right" })] },
  { name: "home-day", scenario: "home", steps: [day("failed")] },
  { name: "home-year", scenario: "many" },
  { name: "home-plenty", scenario: "plenty" },
  { name: "home-offline", scenario: "offline" },
  { name: "home-clock", scenario: "clock" },
  { name: "home-signed-out", scenario: "signedOut" },
  { name: "palette", scenario: "home", steps: [keys("Control+k")] },
  { name: "palette-search", scenario: "plenty", steps: [keys("Control+k"), (page) => page.getByRole("combobox").fill("back up")] },
  { name: "palette-running", scenario: "running", steps: [keys("Control+k")] },
  { name: "palette-no-hit", scenario: "home", steps: [keys("Control+k"), (page) => page.getByRole("combobox").fill("1999")] },
  { name: "leave", scenario: "leaving", steps: [leave(false)] },
  { name: "leave-running", scenario: "leavingRun", steps: [leave(false)] },
  { name: "quit-running", scenario: "leavingRun", steps: [leave(true)] },
  { name: "shortcuts", scenario: "home", steps: [keys("?")] },
  { name: "backup-running", scenario: "running" },
  { name: "backup-paused", scenario: "paused" },
  { name: "backup-queued", scenario: "queued", steps: [press("Details$")] },
  { name: "backup-stalled", scenario: "stalled" },
  { name: "backup-stopped", scenario: "stopped" },
  { name: "backup-done", scenario: "done" },
  { name: "backup-failed", scenario: "failed" },
  { name: "backup-marked", scenario: "marked" },
  { name: "backup-unusual", scenario: "unusual" },
  { name: "backup-other-source", scenario: "otherSource" },
  { name: "restored", scenario: "restored" },
  { name: "restored-in-part", scenario: "restoredInPart" },
  { name: "restore-may-be-copy", scenario: "mayBeCopy" },
  { name: "restore-missing", scenario: "missing" },
  { name: "restore-failed", scenario: "partly" },
  { name: "sign-in-proving", scenario: "proving", steps: [(page) => page.getByText("Too many sign-in attempts").waitFor()] },
  { name: "home-away", scenario: "away", steps: [(page) => page.getByText("No answer for").waitFor()] },
  { name: "add", scenario: "empty", steps: [press("Add a database")] },
  { name: "add-form", scenario: "empty", steps: [press("Add a database"), press("Fill in a form instead")] },
  { name: "add-found", scenario: "empty", steps: [press("Add a database"), (page) => page.getByLabel("Connection URL").fill("postgres://ada@db.example.com/shop"), press("Test connection"), (page) => page.getByText("Connection test").waitFor()] },
  { name: "source", scenario: "home", steps: [press("Details of shop")] },
  { name: "source-inspector", scenario: "home", steps: [press("Details of shop"), row(1), (page) => page.getByText("public.carts").waitFor()] },
  { name: "source-selected", scenario: "home", steps: [press("Details of shop"), tick(1), tick(3), press("Compare"), (page) => page.getByText("public.carts").waitFor()] },
  { name: "source-no-hit", scenario: "home", steps: [press("Details of shop"), (page) => page.getByRole("searchbox").fill("1999")] },
  { name: "source-sorted", scenario: "home", steps: [press("Details of shop"), press("Size")] },
  { name: "source-empty", scenario: "home", steps: [press("Details of analytics")] },
  { name: "source-failing", scenario: "home", steps: [press("Details of warehouse")] },
  { name: "source-menu", scenario: "home", steps: [press("Details of shop"), press("More")] },
  { name: "source-schedule", scenario: "home", steps: [press("Details of shop"), (page) => page.getByRole("tab", { name: "Schedule" }).click()] },
  { name: "source-schedule-timer", scenario: "editedTimer", steps: [press("Details of shop"), (page) => page.getByRole("tab", { name: "Schedule" }).click(), (page) => page.getByLabel("Time").fill("03:30"), press("Save"), (page) => page.getByText("was edited by hand").waitFor()] },
  { name: "source-connection", scenario: "home", steps: [press("Details of shop"), (page) => page.getByRole("tab", { name: "Connection" }).click(), press("Test connection"), (page) => page.getByText("pg_dump 15.20").waitFor()] },
  { name: "source-connection-failing", scenario: "uneditable", steps: [press("Details of warehouse"), (page) => page.getByRole("tab", { name: "Connection" }).click(), (page) => page.getByLabel("Host").fill("db2.example.com"), (page) => page.getByLabel("Name").fill("ledger"), press("Save"), (page) => page.getByRole("alert").nth(1).waitFor()] },
  { name: "source-history", scenario: "home", steps: [press("Details of shop"), (page) => page.getByRole("tab", { name: "Runs" }).click(), (page) => page.getByRole("table").waitFor()] },
  { name: "source-history-log", scenario: "home", steps: [press("Details of shop"), (page) => page.getByRole("tab", { name: "Runs" }).click(), press("Log of the run"), (page) => page.getByText("password authentication failed").waitFor()] },
  { name: "source-history-day", scenario: "home", steps: [press("Details of shop"), (page) => page.getByRole("tab", { name: "Runs" }).click(), (page) => page.getByRole("table").waitFor(), day("1 backup"), (page) => page.getByRole("button", { name: "Show all runs" }).waitFor()] },
  { name: "source-history-missed", scenario: "neverRun", steps: [press("Details of audit-log"), (page) => page.getByRole("tab", { name: "Runs" }).click(), day("missed"), (page) => page.getByText("A backup was due").waitFor()] },
  { name: "source-history-empty", scenario: "neverRun", steps: [press("Details of shop"), (page) => page.getByRole("tab", { name: "Runs" }).click()] },
  { name: "source-forget", scenario: "home", steps: [press("Details of shop"), press("More"), (page) => page.getByRole("menuitem").click()] },
  { name: "snapshots", scenario: "home", steps: [main("Snapshots")] },
  { name: "snapshots-menu", scenario: "home", steps: [main("Snapshots"), (page) => page.getByRole("grid").getByRole("row").and(page.locator("[aria-selected]")).nth(1).click({ button: "right" })] },
  { name: "snapshots-empty", scenario: "empty", steps: [main("Snapshots")] },
  { name: "snapshot", scenario: "good", steps: [main("Snapshots"), row(1), (page) => page.getByText("public.carts").waitFor()] },
  { name: "snapshot-tables", scenario: "good", steps: [main("Snapshots"), row(1), press("Show all 240 tables"), (page) => page.getByText("Technical details").click()] },
  { name: "restore-file", scenario: "good", steps: [main("Snapshots"), row(1), press("Restore…"), (page) => page.getByText("doesn't exist yet").waitFor()] },
  { name: "restore-file-taken", scenario: "targetFile", steps: [main("Snapshots"), row(1), press("Restore…"), (page) => page.getByText("Already exists", { exact: true }).waitFor()] },
  { name: "restore-database", scenario: "home", steps: [press("Details of shop"), press("Restore…"), (page) => page.getByText("A database", { exact: true }).click(), (page) => page.getByText("doesn't exist yet").waitFor()] },
  { name: "restore-not-empty", scenario: "targetTaken", steps: [press("Details of shop"), press("Restore…"), (page) => page.getByText("A database", { exact: true }).click(), (page) => page.getByLabel("Type the database name").waitFor()] },
  { name: "restore-onto-source", scenario: "targetIsSource", steps: [press("Details of shop"), press("Restore…"), (page) => page.getByText("A database", { exact: true }).click(), (page) => page.getByRole("checkbox").waitFor()] },
  { name: "restore-result-file", scenario: "restoresFile", steps: [press("Details of shop"), press("Restore…"), start, (page) => page.getByText("Restore finished").waitFor()] },
  { name: "restore-result-database", scenario: "restoresDatabase", steps: [press("Details of shop"), press("Restore…"), start, (page) => page.getByText("Restore finished").waitFor()] },
  { name: "devices", scenario: "home", steps: [main("Devices"), (page) => page.getByText("db-server-1").waitFor()] },
  { name: "device-revoke", scenario: "home", steps: [main("Devices"), press("Revoke: db-server-1")] },
  { name: "activity", scenario: "home", steps: [main("Activity"), (page) => page.getByText("Signed in").waitFor()] },
  { name: "settings", scenario: "home", steps: [main("Settings"), (page) => page.getByLabel("Upload limit").fill("4096"), press("Save"), (page) => page.getByText("Saved").waitFor()] },
  { name: "diagnostics", scenario: "home", steps: [main("Settings"), press("Export diagnostics"), (page) => page.getByText("Show the text").click(), press("Save file"), (page) => page.getByText("Saved to").waitFor()] },
  { name: "password", scenario: "home", steps: [main("Settings"), press("Change password"), (page) => page.getByLabel("Current password", { exact: true }).fill("correct horse"), (page) => page.getByLabel("New password", { exact: true }).fill("another horse and battery"), (page) => page.getByLabel("6-digit code").fill("123456"), (page) => page.getByRole("dialog").getByRole("button", { name: "Change password", disabled: false }).click(), (page) => page.getByRole("alert").waitFor()] },
  { name: "recovery-codes", scenario: "home", steps: [main("Settings"), press("Replace recovery codes"), (page) => page.getByLabel("Current password", { exact: true }).fill("correct horse"), (page) => page.getByLabel("6-digit code").fill("123456"), (page) => page.getByRole("dialog").getByRole("button", { name: "Replace recovery codes", disabled: false }).click(), (page) => page.getByRole("dialog").getByRole("button", { name: "Close" }).waitFor()] },
  { name: "authenticator", scenario: "home", steps: [main("Settings"), press("Replace authenticator"), (page) => page.getByLabel("Current password", { exact: true }).fill("correct horse"), (page) => page.getByLabel("6-digit code").fill("123456"), (page) => page.getByRole("dialog").getByRole("button", { name: "Replace authenticator", disabled: false }).click(), (page) => page.getByText("Scan this").waitFor()] },
  { name: "settings-update", scenario: "updates", steps: [main("Settings"), press("Check for updates"), (page) => page.getByText("Libraries").click(), (page) => page.getByText("Install 0.2.0").scrollIntoViewIfNeeded()] },
];

/** The system's language changes: the steps to a screen press buttons by their English names. */
export async function speak(page, language) {
  await page.evaluate((language) => {
    Object.defineProperty(navigator, "language", { value: language, configurable: true });
    dispatchEvent(new Event("languagechange"));
  }, language);
}

export async function show(opened, screen) {
  await opened.page.locator("h1, [role=alert], [role=status]").first().waitFor();
  for (const step of screen.steps ?? []) await step(opened.page);
}
