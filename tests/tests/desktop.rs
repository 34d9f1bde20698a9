//! The real window: from the first start to a proven restore, including problems on the way.
#![expect(clippy::unwrap_used, reason = "tests")]

mod desktop {
    pub(crate) mod speed;
}

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use client_core::{
    crypto::{Amk, wrap},
    device::DeviceSecrets,
};
use e2e::{
    Authenticator, Postgres, Proxy, Service, Spread, Stage, Window, data, files, proxy::Network,
    screen::Screen,
};

const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "correct horse battery staple";

fn url(postgres: &Postgres, database: &str) -> String {
    postgres.url(database).replace("owner@", &format!("owner:{}@", postgres.password()))
}

/// From the welcome screen to the second factor.
async fn begin_account(window: &Window, email: &str) {
    window.press("Start backing up").await.unwrap();
    window.fill("Email", email).await.unwrap();
    window.fill("Password", PASSWORD).await.unwrap();
    window.choose("European Union").await.unwrap();
    window.press("Create account").await.unwrap();
}

/// From the second factor to the recovery kit, with typical mistakes.
async fn prove_code(window: &Window, email: &str) -> Authenticator {
    window.heading("Set up two-step sign-in").await.unwrap();
    let secret = window.text("pre").await.unwrap();
    let authenticator =
        Authenticator::from_url(&format!("otpauth://totp/Sealkeep:{email}?secret={secret}&issuer=Sealkeep"))
            .unwrap();
    window.fill("6-digit code", &authenticator.wrong_code()).await.unwrap();
    window.press("Confirm").await.unwrap();
    window.says("Wrong or expired code").await.unwrap();
    window.fill("6-digit code", &authenticator.code()).await.unwrap();
    window.press("Confirm").await.unwrap();
    window.heading("Save your recovery kit").await.unwrap();
    authenticator
}

async fn make_account(window: &Window, email: &str) -> Authenticator {
    begin_account(window, email).await;
    prove_code(window, email).await
}

async fn words(window: &Window) -> Vec<String> {
    window.heading("Save your recovery kit").await.unwrap();
    window
        .texts(".words li")
        .await
        .unwrap()
        .iter()
        .map(|cell| cell.split_whitespace().last().unwrap().to_owned())
        .collect()
}

/// Reads the 24 words and proves them.
async fn keep_kit(window: &Window) -> Vec<String> {
    let words = words(window).await;
    assert_eq!(words.len(), 24);
    window.choose("written down the words").await.unwrap();
    window.choose("written down the codes").await.unwrap();
    window.press("Continue").await.unwrap();
    window.fill("Enter words", "abandon abandon abandon").await.unwrap();
    window.press("Confirm").await.unwrap();
    window.says("Those words don't match").await.unwrap();
    let label = window.text("form label[for]").await.unwrap();
    let asked: Vec<&str> = label
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse::<usize>().ok())
        .map(|number| words[number - 1].as_str())
        .collect();
    window.fill("Enter words", &asked.join(" ")).await.unwrap();
    window.press("Confirm").await.unwrap();
    window.heading("What do you want to back up first?").await.unwrap();
    words
}

async fn add_source(window: &Window, origin: &str) {
    window.fill("Connection URL", origin).await.unwrap();
    window.press("Test connection").await.unwrap();
    window.heading("Connection test").await.unwrap();
    window.press("Save and back up now").await.unwrap();
}

/// Makes saved sources look as if they were added this many seconds earlier.
fn added_earlier(home: &Path, seconds: i64) {
    let secrets = DeviceSecrets::from_bytes(&fs::read(home.join("device.keys")).unwrap()).unwrap();
    let vault = secrets.vault().unwrap();
    let (amk, id) = (Amk::try_from(vault.amk.as_slice()).unwrap(), vault.info.vault_id);
    let path = home.join("sources.sealed");
    let plain = wrap::open_local(&fs::read(&path).unwrap(), &amk, id).unwrap();
    let mut stored: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    for source in stored["sources"].as_array_mut().unwrap() {
        source["created"] = (source["created"].as_i64().unwrap() - seconds).into();
    }
    fs::write(path, wrap::seal_local(stored.to_string().as_bytes(), &amk, id).unwrap()).unwrap();
}

async fn open(service: &Service, home: &Path) -> Window {
    let window = Window::open(service, home).await.unwrap();
    window.heading("").await.unwrap();
    window
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_start_to_a_proven_restore() {
    let stage = Stage::shared().unwrap();
    let postgres = &stage.postgres;
    data::fill(postgres, "shop", 20).unwrap();
    let home = files::temporary().unwrap();
    let window = open(&stage.service, home.path()).await;
    begin_account(&window, "first@example.com").await;
    window.heading("Set up two-step sign-in").await.unwrap();
    let secret = window.text("pre").await.unwrap();

    // Killed at each step, it continues there.
    drop(window);
    let window = open(&stage.service, home.path()).await;
    window.heading("Set up two-step sign-in").await.unwrap();
    assert_eq!(window.text("pre").await.unwrap(), secret);
    let authenticator = prove_code(&window, "first@example.com").await;
    let shown = words(&window).await;
    drop(window);
    let window = open(&stage.service, home.path()).await;
    let words = keep_kit(&window).await;
    assert_eq!(words, shown);
    drop(window);
    let window = open(&stage.service, home.path()).await;
    window.press("Add a database").await.unwrap();

    // A wrong port: the message says what to do, and nothing is saved.
    window.fill("Connection URL", "postgres://owner:x@127.0.0.1:1/shop").await.unwrap();
    window.press("Test connection").await.unwrap();
    window.says("Can't reach the database").await.unwrap();
    add_source(&window, &url(postgres, "shop")).await;
    window.says("shop backed up").await.unwrap();
    window.says("1 database is protected.").await.unwrap();

    window.press("Actions for shop").await.unwrap();
    window.press("Verify now").await.unwrap();
    window.says("shop verified").await.unwrap();
    window.says("Contents verified").await.unwrap();

    // A new password is typed where the connection is; the stored one is never shown.
    window.press("Details of shop").await.unwrap();
    window.press("Connection").await.unwrap();
    window.says("Leave empty to keep the stored password.").await.unwrap();
    window.fill("Password", "rotated").await.unwrap();
    window.press("Test connection").await.unwrap();
    window.says("Database authentication failed").await.unwrap();
    window.fill("Password", postgres.password()).await.unwrap();
    window.press("Test connection").await.unwrap();
    window.says("Reachable").await.unwrap();
    window.press("Save").await.unwrap();
    window.says("Saved").await.unwrap();
    window.press("Runs").await.unwrap();
    window.says("Backed up").await.unwrap();

    window.press("Restore").await.unwrap();
    window.choose("A database").await.unwrap();
    window.press("Paste a connection URL instead").await.unwrap();
    window.fill("Connection URL", &url(postgres, "shop_again")).await.unwrap();
    window.says("This database doesn't exist yet").await.unwrap();
    window.press("Restore").await.unwrap();
    window.says("shop restored").await.unwrap();
    window.says("psql postgres://").await.unwrap();
    assert_eq!(postgres.content_hash("shop_again").unwrap(), postgres.content_hash("shop").unwrap());

    // The source can be overwritten only after typing its name and confirming that it is the source: two consents for
    // two dangers.
    window.press_in("main", "Close").await.unwrap();
    window.press("Restore").await.unwrap();
    window.choose("A database").await.unwrap();
    window.press("Paste a connection URL instead").await.unwrap();
    window.fill("Connection URL", &url(postgres, "shop")).await.unwrap();
    window.says("This is the database that was backed up").await.unwrap();
    for name in ["shop_again", "shop"] {
        window.fill("Type the database name", name).await.unwrap();
        window.says("This is the database that was backed up").await.unwrap();
        let start = "form button[type=submit]";
        assert!(window.texts(&format!("{start}:not([disabled])")).await.unwrap().is_empty());
        assert_eq!(window.texts(&format!("{start}[aria-describedby]")).await.unwrap().len(), 1);
    }
    window.tick().await.unwrap();
    window.says("Everything in this database will be replaced.").await.unwrap();
    window.press("Restore").await.unwrap();
    window.says("shop restored").await.unwrap();
    assert_eq!(postgres.content_hash("shop").unwrap(), postgres.content_hash("shop_again").unwrap());
    assert!(!window.everything().await.unwrap().contains(postgres.password()), "no password is shown");
    drop(window);

    // Another machine, with nothing but what a person kept.
    let home = files::temporary().unwrap();
    let window = open(&stage.service, home.path()).await;
    window.press("Sign in or restore").await.unwrap();
    window.fill("Email", "first@example.com").await.unwrap();
    window.fill("Password", "not the password").await.unwrap();
    window.press("Continue").await.unwrap();
    window.says("Wrong email or password").await.unwrap();
    window.fill("Password", PASSWORD).await.unwrap();
    window.press("Continue").await.unwrap();
    window.heading("Two-step sign-in").await.unwrap();
    window.fill("6-digit code", &authenticator.wrong_code()).await.unwrap();
    window.press("Continue").await.unwrap();
    window.says("Wrong or expired code").await.unwrap();
    window.fill("6-digit code", &authenticator.code()).await.unwrap();
    window.press("Continue").await.unwrap();
    window.heading("Set up this device").await.unwrap();
    drop(window);
    let window = open(&stage.service, home.path()).await;
    window.heading("Set up this device").await.unwrap();
    window.fill("Recovery words", &words.join(" ")).await.unwrap();
    window.press("Unlock backups").await.unwrap();
    window.heading("Snapshots").await.unwrap();
    window.press("shop").await.unwrap();
    window.says("public.").await.unwrap();
    window.press("Technical details").await.unwrap();
    window.says("Valid (no. 1").await.unwrap();
    let sha256 = window.text("details dl dd:last-of-type").await.unwrap();
    window.press("Restore").await.unwrap();
    let path = home.path().join("shop.dump");
    window.fill("File", &path.display().to_string()).await.unwrap();
    window.press("Restore").await.unwrap();
    window.says("shop restored").await.unwrap();
    window.says("pg_restore --dbname=").await.unwrap();
    assert_eq!(files::sha256(&path).unwrap().to_string(), sha256);

    window.press_in("main", "Close").await.unwrap();
    window.press("Devices").await.unwrap();
    window.says("This device").await.unwrap();
    window.press("Activity").await.unwrap();
    window.says("Snapshot created").await.unwrap();

    // A link opens a place in the window, also from outside.
    window.start_again(&["sealkeep://devices"]).await.unwrap();
    window.heading("Devices").await.unwrap();
    window.start_again(&["sealkeep://restore/everything"]).await.unwrap();
    window.heading("Devices").await.unwrap();
    assert!(fs::read_dir(home.path().join("sealkeep")).unwrap().count() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_goes_away_and_comes_back() {
    let mut service = Service::start().unwrap();
    let postgres = Postgres::start().unwrap();
    data::fill(&postgres, "shop", 5).unwrap();
    let home = files::temporary().unwrap();
    let window = open(&service, home.path()).await;
    make_account(&window, "away@example.com").await;
    keep_kit(&window).await;
    add_source(&window, &url(&postgres, "shop")).await;
    window.says("shop backed up").await.unwrap();

    service.stop().unwrap();
    window.press("Back up now").await.unwrap();
    window.says("Backup of shop failed").await.unwrap();
    window.says("Can't reach the Sealkeep service").await.unwrap();
    window.notifies("Backup of shop failed").await.unwrap();
    service.restart().unwrap();
    window.press("Close").await.unwrap();
    window.press("Back up now").await.unwrap();
    window.says("shop backed up").await.unwrap();
    window.notifies("Backups of shop work again").await.unwrap();

    // Closed and opened again: still signed in, everything present.
    drop(window);
    let window = open(&service, home.path()).await;
    window.says("1 database is protected.").await.unwrap();
    window.press("Snapshots").await.unwrap();
    window.says("2 snapshots").await.unwrap();
}

/// Waits until nothing is sent for a second: the end of a transfer that its sender does not announce.
async fn falls_silent(wire: &Proxy) {
    let end = Instant::now() + PATIENCE;
    loop {
        let before = wire.sent();
        tokio::time::sleep(Duration::from_secs(1)).await;
        if wire.sent() == before {
            return;
        }
        assert!(Instant::now() < end, "bytes are still being sent");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_held_stopped_and_cut_off() {
    let service = Service::start_wired().unwrap();
    let store = &service.wires().unwrap().store;
    let postgres = Postgres::start().unwrap();
    data::fill(&postgres, "shop", 60).unwrap();
    let home = files::temporary().unwrap();
    let window = open(&service, home.path()).await;
    make_account(&window, "slow@example.com").await;
    keep_kit(&window).await;

    store.set(Network::Limited(300_000));
    add_source(&window, &url(&postgres, "shop")).await;
    window.press("Pause").await.unwrap();
    window.says("Paused.").await.unwrap();
    store.set(Network::Normal);
    // Everything read is sent and nothing more is read, so nothing finishes. Most of it follows after the pause.
    falls_silent(store).await;
    window.says("Paused.").await.unwrap();
    let sent = store.sent();
    window.press("Resume").await.unwrap();
    window.says("shop backed up").await.unwrap();
    assert!(store.sent() > sent + 1_000_000, "{sent} of {} bytes were sent while paused", store.sent());

    data::change(&postgres, "shop", 60.0, Spread::Uniform, 1).unwrap();
    store.set(Network::Limited(300_000));
    window.press("Back up now").await.unwrap();
    window.says("Backing up").await.unwrap();
    window.press("Stop").await.unwrap();
    window.says("Backup of shop stopped").await.unwrap();
    window.says("1 database is protected.").await.unwrap();

    window.press("Back up now").await.unwrap();
    window.says("Backing up").await.unwrap();
    drop(window);
    store.set(Network::Normal);
    let window = open(&service, home.path()).await;
    window.press("Back up now").await.unwrap();
    window.says("shop backed up").await.unwrap();
    window.press("Snapshots").await.unwrap();
    window.says("2 snapshots").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_continue_behind_a_closed_window() {
    let service = Service::start_wired().unwrap();
    let store = &service.wires().unwrap().store;
    let postgres = Postgres::start().unwrap();
    data::fill(&postgres, "shop", 40).unwrap();
    let home = files::temporary().unwrap();
    let window = open(&service, home.path()).await;
    make_account(&window, "closed@example.com").await;
    keep_kit(&window).await;

    store.set(Network::Limited(300_000));
    add_source(&window, &url(&postgres, "shop")).await;
    window.says("Backing up").await.unwrap();
    let screen = Screen::find("Sealkeep").unwrap();
    screen.waits_until(true).unwrap();
    screen.close().unwrap();
    screen.waits_until(false).unwrap();
    window.notifies("Sealkeep keeps running").await.unwrap();
    store.set(Network::Normal);
    // With the window closed.
    window.says("shop backed up").await.unwrap();
    window.start_again(&[]).await.unwrap();
    screen.waits_until(true).unwrap();

    // By schedule; the last backup was two hours ago.
    window.press("Details of shop").await.unwrap();
    window.press("Schedule").await.unwrap();
    window.pick("Schedule", "Every hour").await.unwrap();
    window.press("Save").await.unwrap();
    window.says("Every hour").await.unwrap();
    screen.close().unwrap();
    let device = home.path().join("sealkeep");
    let state = rusqlite::Connection::open(device.join("state.db")).unwrap();
    state.execute("UPDATE run SET started_at = started_at - 7200", []).unwrap();
    // Runs from before a source was added do not count.
    added_earlier(&device, 7200);
    window.says("shop backed up").await.unwrap();
    window.start_again(&["sealkeep://snapshots"]).await.unwrap();
    window.says("2 snapshots").await.unwrap();

    // With its schedule, the first source asked for the start at login. Started with the desktop, it stays in the panel,
    // and a link brings it forward.
    let folder = home.path().join(".config/autostart");
    let entry = || fs::read_dir(&folder).ok()?.find_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
    let end = Instant::now() + PATIENCE;
    while !entry().is_some_and(|entry| entry.contains("--in-the-panel")) {
        assert!(Instant::now() < end, "no start at login: {:?}", entry());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(window);
    let window = Window::open_with(&service, home.path(), &["--in-the-panel"]).await.unwrap();
    window.heading("").await.unwrap();
    assert!(Screen::find("Sealkeep").is_err(), "no window was shown");
    window.start_again(&["sealkeep://activity"]).await.unwrap();
    window.heading("Activity").await.unwrap();
    Screen::find("Sealkeep").unwrap().waits_until(true).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tray_closing_asks_and_names_what_stops() {
    let service = Service::start_wired().unwrap();
    let store = &service.wires().unwrap().store;
    let postgres = Postgres::start().unwrap();
    data::fill(&postgres, "shop", 40).unwrap();
    let home = files::temporary().unwrap();
    let window = Window::open_without_tray(&service, home.path()).await.unwrap();
    window.heading("").await.unwrap();
    make_account(&window, "asks@example.com").await;
    keep_kit(&window).await;
    store.set(Network::Limited(300_000));
    // Its schedule is daily.
    add_source(&window, &url(&postgres, "shop")).await;
    window.says("Backing up").await.unwrap();
    let screen = Screen::find("Sealkeep").unwrap();
    screen.close().unwrap();
    window.heading("Keep Sealkeep running?").await.unwrap();
    window.says("The running backup of shop stops.").await.unwrap();
    window.says("Scheduled backups of 1 source stop").await.unwrap();
    window.press_in("dialog", "Keep running").await.unwrap();
    store.set(Network::Normal);
    window.says("shop backed up").await.unwrap();

    // The answer is remembered, and can be taken back.
    screen.close().unwrap();
    window.heading("Keep Sealkeep running?").await.unwrap();
    assert!(!window.everything().await.unwrap().contains("The running backup"));
    window.tick().await.unwrap();
    window.press_in("dialog", "Keep running").await.unwrap();
    let preferences = home.path().join("sealkeep/preferences.json");
    while !fs::read_to_string(&preferences).is_ok_and(|text| text.contains("keep_running")) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    window.start_again(&[]).await.unwrap();
    window.press("Settings").await.unwrap();
    window.pick("When you close the window", "Quit Sealkeep").await.unwrap();
    while !fs::read_to_string(&preferences).is_ok_and(|text| text.contains("\"quit\"")) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    screen.close().unwrap();
    while Screen::find("Sealkeep").is_ok() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_changed() {
    const NEW: &str = "another horse and another battery";
    let stage = Stage::shared().unwrap();
    let home = files::temporary().unwrap();
    let window = open(&stage.service, home.path()).await;
    let authenticator = make_account(&window, "change@example.com").await;
    keep_kit(&window).await;
    window.press("Settings").await.unwrap();

    window.press("Replace authenticator").await.unwrap();
    window.fill("Current password", "not the password").await.unwrap();
    window.fill("6-digit code", &authenticator.code()).await.unwrap();
    window.press_in("dialog", "Replace authenticator").await.unwrap();
    window.says("Wrong email or password").await.unwrap();
    window.fill("Current password", PASSWORD).await.unwrap();
    window.fill("6-digit code", &authenticator.code()).await.unwrap();
    window.press_in("dialog", "Replace authenticator").await.unwrap();
    window.says("Scan this").await.unwrap();
    let secret = window.text("dialog pre").await.unwrap();
    let url = format!("otpauth://totp/Sealkeep:change@example.com?secret={secret}&issuer=Sealkeep");
    let authenticator = Authenticator::from_url(&url).unwrap();
    window.fill("6-digit code", &authenticator.wrong_code()).await.unwrap();
    window.press_in("dialog", "Confirm").await.unwrap();
    window.says("Wrong or expired code").await.unwrap();
    window.fill("6-digit code", &authenticator.code()).await.unwrap();
    window.press_in("dialog", "Confirm").await.unwrap();
    window.says("new authenticator is active").await.unwrap();

    window.press("Replace recovery codes").await.unwrap();
    window.fill("Current password", PASSWORD).await.unwrap();
    window.fill("6-digit code", &authenticator.code()).await.unwrap();
    window.press_in("dialog", "Replace recovery codes").await.unwrap();
    window.says("each code works once").await.unwrap();
    let codes = window.text("dialog pre").await.unwrap();
    let codes: Vec<&str> = codes.lines().collect();
    assert_eq!(codes.len(), 10);
    window.press_in("dialog", "Close").await.unwrap();

    window.press("Change password").await.unwrap();
    window.fill("Current password", PASSWORD).await.unwrap();
    window.fill("New password", NEW).await.unwrap();
    window.press_in("dialog", "Use a recovery code").await.unwrap();
    window.fill("Recovery code", codes[0]).await.unwrap();
    window.press_in("dialog", "Change password").await.unwrap();
    window.says("Password changed.").await.unwrap();
    // Its own session continues.
    window.press("Activity").await.unwrap();
    window.says("Password changed").await.unwrap();

    window.press("Settings").await.unwrap();
    window.press("Sign out").await.unwrap();
    window.press_in("dialog", "Sign out").await.unwrap();
    window.says("Sign in as change@example.com").await.unwrap();
    window.fill("Password", PASSWORD).await.unwrap();
    window.press("Continue").await.unwrap();
    window.says("Wrong email or password").await.unwrap();
    window.fill("Password", NEW).await.unwrap();
    window.press("Continue").await.unwrap();
    window.heading("Two-step sign-in").await.unwrap();
    window.fill("6-digit code", &authenticator.code()).await.unwrap();
    window.press("Continue").await.unwrap();
    window.heading("Snapshots").await.unwrap();
}
