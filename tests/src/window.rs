//! The real window, driven through WebDriver.

use std::{
    env,
    ffi::OsString,
    fmt,
    fs::{self, File},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element, wd::TimeoutConfiguration};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;

use crate::{
    binaries,
    failure::{Context, Failure, Result},
    measure::Process,
    service::Service,
};

/// Sized for a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running app with its window, until dropped.
pub struct Window {
    client: Client,
    driver: Driver,
    _bus: [Driver; 2],
    _panel: Option<zbus::Connection>,
    notifications: PathBuf,
    environment: Vec<(&'static str, OsString)>,
}

impl Window {
    /// Opens the app with a new home directory. With `E2E_PICTURES=FOLDER`, a failing step saves a screenshot.
    ///
    /// # Errors
    /// WebKitWebDriver or the app does not start.
    pub async fn open(service: &Service, home: &Path) -> Result<Self> {
        Self::open_with(service, home, &[]).await
    }

    /// Like [`Window::open`], with arguments.
    ///
    /// # Errors
    /// WebKitWebDriver or the app does not start.
    pub async fn open_with(service: &Service, home: &Path, arguments: &[&str]) -> Result<Self> {
        Self::start(service, home, arguments, true).await
    }

    /// Like [`Window::open`], on a desktop that shows no icons of apps.
    ///
    /// # Errors
    /// WebKitWebDriver or the app does not start.
    pub async fn open_without_tray(service: &Service, home: &Path) -> Result<Self> {
        Self::start(service, home, &[], false).await
    }

    async fn start(service: &Service, home: &Path, arguments: &[&str], tray: bool) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let bus = format!("unix:path={}", home.join("bus").display());
        let environment = vec![
            ("SEALKEEP_SERVER", service.url().into()),
            ("SEALKEEP_HOME", home.join("sealkeep").into()),
            ("HOME", home.into()),
            ("XDG_DATA_HOME", home.join("data").into()),
            ("XDG_CONFIG_HOME", home.join("config").into()),
            ("XDG_CACHE_HOME", home.join("cache").into()),
            ("DBUS_SESSION_BUS_ADDRESS", bus.clone().into()),
            ("LANG", "en_US.UTF-8".into()),
        ];
        let daemon = Driver::start(
            Command::new("dbus-daemon").args(["--session", "--nofork", "--nopidfile", "--address", &bus]),
            "dbus-daemon (Debian: apt-get install dbus)",
        )?;
        let panel = if tray { Some(panel(&bus).await?) } else { None };
        let driver = Driver::start(
            Command::new("WebKitWebDriver")
                .args([format!("--port={port}"), "--host=127.0.0.1".to_owned()])
                .env("TAURI_AUTOMATION", "true")
                .env("TAURI_WEBVIEW_AUTOMATION", "true")
                .envs(environment.clone()),
            "WebKitWebDriver (Debian: apt-get install webkit2gtk-driver)",
        )?;
        let app = binaries::desktop()?;
        let wanted = json!({ "webkitgtk:browserOptions": { "binary": app, "args": arguments } });
        let capabilities = wanted.as_object().cloned().unwrap_or_default();
        let started = Instant::now();
        let client = loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            match builder
                .capabilities(capabilities.clone())
                .connect(&format!("http://127.0.0.1:{port}"))
                .await
            {
                Ok(client) => break client,
                Err(_) if started.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(200)).await
                }
                Err(error) => return Err(Failure::new(format!("no window: {error}"))),
            }
        };
        let notifications = home.join("notifications");
        let watch = "interface='org.freedesktop.Notifications',member='Notify'";
        let monitor = Driver::start(
            Command::new("dbus-monitor")
                .args(["--address", &bus, watch])
                .stdout(File::create(&notifications)?),
            "dbus-monitor (Debian: apt-get install dbus)",
        )?;
        Ok(Self { client, driver, _bus: [daemon, monitor], _panel: panel, notifications, environment })
    }

    /// Waits until the desktop was asked to show this notification.
    ///
    /// # Errors
    /// It does not come in time.
    pub async fn notifies(&self, text: &str) -> Result<()> {
        let started = Instant::now();
        loop {
            let shown = fs::read_to_string(&self.notifications)?;
            if shown.contains(text) {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                return Err(Failure::new(format!("nothing says {text}, but:\n{shown}")));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Starts the app a second time, like a person whose window is hidden or a desktop that opens a link: it exits at
    /// once and notifies the first one.
    ///
    /// # Errors
    /// It does not exit successfully.
    pub async fn start_again(&self, arguments: &[&str]) -> Result<()> {
        let mut second = tokio::process::Command::new(binaries::desktop()?);
        second.args(arguments).envs(self.environment.clone()).kill_on_drop(true);
        let ended =
            tokio::time::timeout(PATIENCE, second.status()).await.context("a second start goes on")?;
        if ended.context("the app")?.success() { Ok(()) } else { Err(Failure::new("a second start failed")) }
    }

    /// Measures the start time and, after resting for `rest`, the cost of idling.
    ///
    /// # Errors
    /// The window is gone.
    pub async fn measure(&self, rest: Duration) -> Result<Measured> {
        let ready = "return performance.timeOrigin + (performance.getEntriesByName('interactive')[0]?.startTime ?? NaN)";
        let ready = self.client.execute(ready, Vec::new()).await.context("the window")?;
        let ready = ready.as_f64().ok_or_else(|| Failure::new("the window was never ready"))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock")?.as_secs_f64() * 1000.0;
        let app = *self.driver.children()?.first().ok_or_else(|| Failure::new("the app is gone"))?;
        let since_start = app.age()?.as_secs_f64() * 1000.0;
        let used = || {
            Ok::<_, Failure>(self.driver.children()?.iter().map(|one| one.cpu().as_secs_f64()).sum::<f64>())
        };
        tokio::time::sleep(rest).await;
        let before = used()?;
        tokio::time::sleep(rest).await;
        Ok(Measured {
            start_ms: ready - (now - since_start),
            idle_share: (used()? - before) / rest.as_secs_f64(),
            memory: self.driver.children()?.iter().map(|one| one.memory()).sum(),
        })
    }

    /// Waits for a heading with this text.
    ///
    /// # Errors
    /// It does not come in time.
    pub async fn heading(&self, text: &str) -> Result<()> {
        self.find(&format!("//*[self::h1 or self::h2][contains(., {})]", quoted(text))).await.map(drop)
    }

    /// Waits until this text appears anywhere.
    ///
    /// # Errors
    /// It does not come in time.
    pub async fn says(&self, text: &str) -> Result<()> {
        let started = Instant::now();
        while !self.everything().await?.contains(text) {
            if started.elapsed() > PATIENCE {
                return Err(self.missing(text).await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// All visible text, including what has to be scrolled to.
    ///
    /// # Errors
    /// The window is gone.
    pub async fn everything(&self) -> Result<String> {
        let text = self.client.execute("return document.body.innerText", Vec::new()).await;
        Ok(text.context("the window")?.as_str().unwrap_or_default().to_owned())
    }

    /// Runs a script in the page; its last argument is the function that ends it with a result.
    ///
    /// # Errors
    /// It fails, or does not end in time.
    pub async fn run(&self, script: &str) -> Result<serde_json::Value> {
        let timeouts = TimeoutConfiguration::new(Some(PATIENCE), None, None);
        self.client.update_timeouts(timeouts).await.context("a script's time")?;
        self.client.execute_async(script, Vec::new()).await.context("a script in the window")
    }

    async fn missing(&self, what: &str) -> Failure {
        if let (Some(folder), Ok(picture)) = (env::var_os("E2E_PICTURES"), self.client.screenshot().await) {
            // The failure itself is what matters.
            drop(fs::write(Path::new(&folder).join("failed.png"), picture));
        }
        let there = self.everything().await.unwrap_or_default();
        Failure::new(format!("the window does not show {what}, but:\n{there}"))
    }

    /// Presses the button with this name once it is enabled, or opens the section with this name.
    ///
    /// # Errors
    /// There is no such button.
    pub async fn press(&self, name: &str) -> Result<()> {
        self.press_in("html", name).await
    }

    /// Like [`Window::press`], inside an element of this type.
    ///
    /// # Errors
    /// There is no such button.
    pub async fn press_in(&self, element: &str, name: &str) -> Result<()> {
        let name = quoted(name);
        let path = format!(
            "//{element}//*[self::button or self::summary][not(@disabled)][starts-with(normalize-space(.), {name}) or starts-with(@aria-label, {name})]"
        );
        self.click(&path).await
    }

    /// The driver refuses an element that was redrawn or covered since it was found, so it is looked up again.
    async fn click(&self, path: &str) -> Result<()> {
        let started = Instant::now();
        loop {
            let element = self.find(path).await?;
            // A person scrolls to the element; WebKitWebDriver does not, inside a dialog.
            let scroll = "arguments[0].scrollIntoView({ block: 'nearest' })";
            drop(self.client.execute(scroll, vec![serde_json::to_value(&element)?]).await);
            match element.click().await {
                Err(_) if started.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
                done => return done.context("a click"),
            }
        }
    }

    /// Ticks the only checkbox.
    ///
    /// # Errors
    /// There is none.
    pub async fn tick(&self) -> Result<()> {
        self.click("//input[@type='checkbox']").await
    }

    /// Chooses the option whose label contains this.
    ///
    /// # Errors
    /// There is none.
    pub async fn choose(&self, label: &str) -> Result<()> {
        self.click(&format!("//label[contains(., {})]", quoted(label))).await
    }

    /// Selects from the list whose label begins with this.
    ///
    /// # Errors
    /// There is none.
    pub async fn pick(&self, label: &str, option: &str) -> Result<()> {
        self.labeled(label).await?.select_by_label(option).await.context("a list")
    }

    /// Replaces the text of the field whose label begins with this.
    ///
    /// # Errors
    /// There is none.
    pub async fn fill(&self, label: &str, text: &str) -> Result<()> {
        let field = self.labeled(label).await?;
        field.clear().await.context("a field")?;
        field.send_keys(text).await.context("a field")
    }

    /// The text of the first element that matches this CSS selector.
    ///
    /// # Errors
    /// There is none.
    pub async fn text(&self, css: &str) -> Result<String> {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        found.context(css)?.text().await.context(css)
    }

    /// The text of each element that matches this CSS selector.
    ///
    /// # Errors
    /// The window is gone.
    pub async fn texts(&self, css: &str) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        for element in self.client.find_all(Locator::Css(css)).await.context(css)? {
            texts.push(element.text().await.context(css)?);
        }
        Ok(texts)
    }

    async fn labeled(&self, label: &str) -> Result<Element> {
        self.find(&format!("//*[@id=//label[starts-with(normalize-space(.), {})]/@for]", quoted(label))).await
    }

    async fn find(&self, path: &str) -> Result<Element> {
        let started = Instant::now();
        loop {
            match self.client.find(Locator::XPath(path)).await {
                Ok(element) if element.is_displayed().await.unwrap_or(false) => return Ok(element),
                _ if started.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
                _ => return Err(self.missing(path).await),
            }
        }
    }
}

/// Takes the name of a panel that shows icons of apps.
async fn panel(bus: &str) -> Result<zbus::Connection> {
    let started = Instant::now();
    loop {
        let named = zbus::connection::Builder::address(bus)
            .and_then(|builder| builder.name("org.kde.StatusNotifierWatcher"))
            .context("the session bus")?;
        match named.build().await {
            // The bus has just been started.
            Err(_) if started.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
            built => {
                let connection = built.context("the session bus")?;
                // Whoever calls it gets an error at once, and not no answer.
                let _ = connection.object_server();
                return Ok(connection);
            }
        }
    }
}

/// The window's start time and idle cost.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// From the program's start to a usable window, milliseconds.
    pub start_ms: f64,
    /// Share of one processor while nothing happens.
    pub idle_share: f64,
    /// Proportional share of memory (PSS) of all its processes, bytes.
    pub memory: u64,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (percent, megabytes) = (self.idle_share * 100.0, self.memory / 1_000_000);
        write!(f, "start {:.0} ms, at rest {percent:.1} % of a core, {megabytes} MB", self.start_ms)
    }
}

/// A program and its children, until dropped.
struct Driver(Child);

impl Driver {
    fn start(command: &mut Command, what: &str) -> Result<Self> {
        // The app is the driver's child and would outlive it.
        Ok(Self(command.stdin(Stdio::null()).process_group(0).spawn().context(what)?))
    }

    /// Its children: the app, then the app's helpers.
    fn children(&self) -> Result<Vec<Process>> {
        Ok(Process::of_group(self.0.id())?.into_iter().filter(|process| process.0 != self.0.id()).collect())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // They may have exited by themselves.
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        drop(self.0.wait());
    }
}

/// Quotes a string for XPath 1.0, which has no escapes.
fn quoted(text: &str) -> String {
    if text.contains('\'') { format!("\"{text}\"") } else { format!("'{text}'") }
}
