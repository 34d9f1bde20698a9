//! The real window, driven through WebDriver: what it says, what is typed and pressed.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;

use crate::{
    binaries,
    failure::{Context, Failure, Result},
    service::Service,
};

/// A debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running app with its window; it ends when it is dropped.
pub struct Window {
    client: Client,
    _driver: Driver,
}

impl Window {
    /// Opens the app on a home directory of its own. With `E2E_PICTURES=FOLDER` a step that fails leaves a picture.
    ///
    /// # Errors
    /// WebKitWebDriver or the app does not start.
    pub async fn open(service: &Service, home: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let driver = Command::new("WebKitWebDriver")
            .args([format!("--port={port}"), "--host=127.0.0.1".to_owned()])
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("SEALKEEP_SERVER", service.url())
            .env("SEALKEEP_HOME", home.join("sealkeep"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("LANG", "en_US.UTF-8")
            .stdin(Stdio::null())
            // The app is the driver's child and would outlive it.
            .process_group(0)
            .spawn()
            .context("WebKitWebDriver (Debian: apt-get install webkit2gtk-driver)")?;
        let driver = Driver(driver);
        let app = binaries::desktop()?;
        let wanted = json!({ "webkitgtk:browserOptions": { "binary": app, "args": [] } });
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
        Ok(Self { client, _driver: driver })
    }

    /// Waits until a heading says this.
    ///
    /// # Errors
    /// It does not come.
    pub async fn heading(&self, text: &str) -> Result<()> {
        self.find(&format!("//*[self::h1 or self::h2][contains(., {})]", quoted(text))).await.map(drop)
    }

    /// Waits until this stands somewhere.
    ///
    /// # Errors
    /// It does not come.
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

    /// All that can be seen, by scrolling too.
    ///
    /// # Errors
    /// The window is gone.
    pub async fn everything(&self) -> Result<String> {
        let text = self.client.execute("return document.body.innerText", Vec::new()).await;
        Ok(text.context("the window")?.as_str().unwrap_or_default().to_owned())
    }

    async fn missing(&self, what: &str) -> Failure {
        if let (Some(folder), Ok(picture)) = (env::var_os("E2E_PICTURES"), self.client.screenshot().await) {
            // The failure itself is what matters.
            drop(fs::write(Path::new(&folder).join("failed.png"), picture));
        }
        let there = self.everything().await.unwrap_or_default();
        Failure::new(format!("the window does not show {what}, but:\n{there}"))
    }

    /// Presses the button of this name, once it can be pressed, or opens what is folded under it.
    ///
    /// # Errors
    /// There is none.
    pub async fn press(&self, name: &str) -> Result<()> {
        let name = quoted(name);
        let path = format!(
            "//*[self::button or self::summary][not(@disabled)][starts-with(normalize-space(.), {name}) or starts-with(@aria-label, {name})]"
        );
        self.find(&path).await?.click().await.context("a click")
    }

    /// Ticks the only box.
    ///
    /// # Errors
    /// There is none.
    pub async fn tick(&self) -> Result<()> {
        self.find("//input[@type='checkbox']").await?.click().await.context("a click")
    }

    /// Chooses the option whose label holds this.
    ///
    /// # Errors
    /// There is none.
    pub async fn choose(&self, label: &str) -> Result<()> {
        self.find(&format!("//label[contains(., {})]", quoted(label))).await?.click().await.context("a click")
    }

    /// Types into the field whose label begins so; what stood there goes.
    ///
    /// # Errors
    /// There is none.
    pub async fn fill(&self, label: &str, text: &str) -> Result<()> {
        let path = format!("//*[@id=//label[starts-with(normalize-space(.), {})]/@for]", quoted(label));
        let field = self.find(&path).await?;
        field.clear().await.context("a field")?;
        field.send_keys(text).await.context("a field")
    }

    /// All that the first element of this CSS selector says.
    ///
    /// # Errors
    /// There is none.
    pub async fn text(&self, css: &str) -> Result<String> {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        found.context(css)?.text().await.context(css)
    }

    /// What each element of this CSS selector says.
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

struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        // They may have ended by themselves.
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        drop(self.0.wait());
    }
}

/// A string of XPath 1.0, which has no escapes.
fn quoted(text: &str) -> String {
    if text.contains('\'') { format!("\"{text}\"") } else { format!("'{text}'") }
}
