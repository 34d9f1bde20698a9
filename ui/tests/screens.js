// Every screen and state: its scenario, and how to get there. One list for the tests and the pictures.
const press = (name) => (page) => page.getByRole("button", { name: new RegExp(`^${name}`) }).first().click();
const main = (name) => (page) => page.getByRole("navigation").getByRole("button", { name }).click();

export const screens = [
  { name: "doors", scenario: "fresh" },
  { name: "account", scenario: "fresh", steps: [press("Start backing up"), (page) => page.getByLabel("E-mail").fill("ada@example.com"), (page) => page.getByLabel("Password", { exact: true }).fill("correct horse battery")] },
  { name: "sign-in", scenario: "fresh", steps: [press("Restore my data")] },
  { name: "code", scenario: "code" },
  { name: "code-wrong", scenario: "code", steps: [(page) => page.getByLabel("The six digits").fill("123456"), press("Confirm"), (page) => page.getByRole("alert").waitFor()] },
  { name: "kit", scenario: "kit" },
  { name: "kit-proof", scenario: "kit", steps: [(page) => page.getByRole("checkbox").check(), press("Continue")] },
  { name: "kit-wrong", scenario: "kit", steps: [(page) => page.getByRole("checkbox").check(), press("Continue"), (page) => page.getByLabel("Type words").fill("a b c"), press("Confirm"), (page) => page.getByRole("alert").waitFor()] },
  { name: "factor", scenario: "factor" },
  { name: "words", scenario: "words" },
  { name: "sign-in-again", scenario: "signIn" },
  { name: "broken", scenario: "broken" },
  { name: "home-loading", scenario: "loading" },
  { name: "home-empty", scenario: "empty" },
  { name: "home", scenario: "home" },
  { name: "home-good", scenario: "good" },
  { name: "home-offline", scenario: "offline" },
  { name: "home-clock", scenario: "clock" },
  { name: "home-signed-out", scenario: "signedOut" },
  { name: "backup-running", scenario: "running" },
  { name: "backup-paused", scenario: "paused" },
  { name: "backup-done", scenario: "done" },
  { name: "backup-failed", scenario: "failed" },
  { name: "restored", scenario: "restored" },
  { name: "add", scenario: "empty", steps: [press("Add a database")] },
  { name: "add-form", scenario: "empty", steps: [press("Add a database"), press("Fill in a form instead")] },
  { name: "add-found", scenario: "empty", steps: [press("Add a database"), (page) => page.getByLabel("Connection string").fill("postgres://ada@db.example.com/shop"), press("Test connection"), (page) => page.getByText("What was found").waitFor()] },
  { name: "source", scenario: "home", steps: [press("Details of shop")] },
  { name: "source-forget", scenario: "home", steps: [press("Details of shop"), press("Remove from this device")] },
  { name: "snapshots", scenario: "home", steps: [main("Snapshots")] },
  { name: "snapshots-empty", scenario: "empty", steps: [main("Snapshots")] },
  { name: "snapshot", scenario: "good", steps: [main("Snapshots"), (page) => page.getByRole("main").getByRole("listitem").first().getByRole("button").click(), (page) => page.getByText("public.carts").waitFor()] },
  { name: "snapshot-tables", scenario: "good", steps: [main("Snapshots"), (page) => page.getByRole("main").getByRole("listitem").first().getByRole("button").click(), (page) => page.getByText("Tables 240").click()] },
  { name: "restore-file", scenario: "good", steps: [main("Snapshots"), (page) => page.getByRole("main").getByRole("listitem").first().getByRole("button").click(), press("Restore"), press("Choose…"), (page) => page.getByText("sealkeep restore").waitFor()] },
  { name: "restore-database", scenario: "good", steps: [main("Snapshots"), (page) => page.getByRole("main").getByRole("listitem").first().getByRole("button").click(), press("Restore"), (page) => page.getByText("Into a database").click()] },
  { name: "devices", scenario: "home", steps: [main("Devices"), (page) => page.getByText("db-server-1").waitFor()] },
  { name: "device-revoke", scenario: "home", steps: [main("Devices"), press("Shut out: db-server-1")] },
  { name: "activity", scenario: "home", steps: [main("Activity"), (page) => page.getByText("Signed in").waitFor()] },
  { name: "settings", scenario: "home", steps: [main("Settings"), (page) => page.getByLabel("Upload limit").fill("4096"), press("Save"), (page) => page.getByText("Saved").waitFor()] },
  { name: "password", scenario: "home", steps: [main("Settings"), press("Change password"), (page) => page.getByLabel("Present password", { exact: true }).fill("correct horse"), (page) => page.getByLabel("New password", { exact: true }).fill("another horse and battery"), (page) => page.getByLabel("Six digits").fill("123456"), (page) => page.getByRole("dialog").getByRole("button", { name: "Change password", disabled: false }).click(), (page) => page.getByRole("alert").waitFor()] },
  { name: "recovery-codes", scenario: "home", steps: [main("Settings"), press("New recovery codes"), (page) => page.getByLabel("Present password", { exact: true }).fill("correct horse"), (page) => page.getByLabel("Six digits").fill("123456"), (page) => page.getByRole("dialog").getByRole("button", { name: "New recovery codes", disabled: false }).click(), (page) => page.getByText("I have saved them").waitFor()] },
  { name: "authenticator", scenario: "home", steps: [main("Settings"), press("New authenticator"), (page) => page.getByLabel("Present password", { exact: true }).fill("correct horse"), (page) => page.getByLabel("Six digits").fill("123456"), (page) => page.getByRole("dialog").getByRole("button", { name: "New authenticator", disabled: false }).click(), (page) => page.getByText("Scan this").waitFor()] },
  { name: "settings-update", scenario: "updates", steps: [main("Settings"), press("Look for a newer version"), (page) => page.getByText("Libraries").click(), (page) => page.getByText("Install 0.2.0").scrollIntoViewIfNeeded()] },
];

export async function show(opened, screen) {
  await opened.page.locator("h1, [role=alert], [role=status]").first().waitFor();
  for (const step of screen.steps ?? []) await step(opened.page);
}
