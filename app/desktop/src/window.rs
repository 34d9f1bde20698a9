//! Passes the engine's updates to the window, the icon in the panel, and the desktop's notifications.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::{Timestamp, tz::TimeZone};
use tauri::{AppHandle, Manager, Runtime, Wry, ipc::Channel};
use tauri_plugin_notification::NotificationExt;

use crate::{
    engine::Window,
    link::Link,
    tray::Tray,
    view::{NextView, Outcome, PanelWords, RunKind, RunView, Signal, WaitView},
};

/// The receivers of updates.
#[derive(Clone, Default)]
pub(crate) struct Listener(Arc<Inner>);

#[derive(Default)]
struct Inner {
    channel: Mutex<Option<Channel<RunView>>>,
    waits: Mutex<Option<Channel<WaitView>>>,
    links: Mutex<Links>,
    signals: Mutex<Option<Channel<Signal>>>,
    words: Mutex<PanelWords>,
    /// Sources whose last backup failed.
    failing: Mutex<Vec<String>>,
    /// Sources already reported as overdue.
    overdue: Mutex<Vec<String>>,
    app: OnceLock<AppHandle<Wry>>,
}

#[derive(Default)]
struct Links {
    channel: Option<Channel<Link>>,
    /// A link that nothing has received yet.
    waiting: Option<Link>,
}

impl Listener {
    pub(crate) fn set(&self, channel: Channel<RunView>) {
        *self.0.channel.lock().unwrap_or_else(PoisonError::into_inner) = Some(channel);
    }

    pub(crate) fn set_waits(&self, channel: Channel<WaitView>) {
        *self.0.waits.lock().unwrap_or_else(PoisonError::into_inner) = Some(channel);
    }

    pub(crate) fn set_links(&self, channel: Channel<Link>) {
        let mut links = self.0.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.channel = Some(channel);
        if let Some(link) = links.waiting.take() {
            links.deliver(link);
        }
    }

    /// Passes on a link that the user followed.
    pub(crate) fn go(&self, link: Link) {
        self.0.links.lock().unwrap_or_else(PoisonError::into_inner).deliver(link);
    }

    pub(crate) fn set_signals(&self, channel: Channel<Signal>) {
        *self.0.signals.lock().unwrap_or_else(PoisonError::into_inner) = Some(channel);
    }

    /// Tells the window what the desktop wants from it; returns whether it listens.
    pub(crate) fn signal(&self, signal: &Signal) -> bool {
        let listening = self.0.signals.lock().unwrap_or_else(PoisonError::into_inner);
        listening.as_ref().is_some_and(|channel| channel.send(signal.clone()).is_ok())
    }

    /// Notifies that the app stays in the tray.
    pub(crate) fn keeps_running(&self, next: Option<&NextView>, now: i64) {
        if let Some(app) = self.0.app.get() {
            let (title, body) = farewell(&self.words(), next, now, &TimeZone::system());
            notify(app, &title, &body);
        }
    }

    /// Changes the language.
    pub(crate) fn set_words(&self, words: PanelWords) {
        if let Some(app) = self.0.app.get() {
            app.state::<Tray<Wry>>().set_words(&words);
            #[cfg(target_os = "macos")]
            if let Err(error) = crate::menu::build(app, &words.menu).and_then(|menu| app.set_menu(menu)) {
                tracing::warn!(%error, "no menu bar");
            }
        }
        *self.words() = words;
    }

    fn words(&self) -> MutexGuard<'_, PanelWords> {
        self.0.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Attaches to the desktop.
    pub(crate) fn attach(&self, app: &AppHandle<Wry>) {
        drop(self.0.app.set(app.clone()));
    }

    /// Notifies only of failure and recovery: users ignore notifications of every success.
    fn notification(&self, run: &RunView) -> Option<(String, String)> {
        if run.kind != RunKind::Backup {
            return None;
        }
        let mut failing = self.0.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = failing.iter().position(|name| *name == run.source);
        match (&run.outcome, known) {
            (Some(Outcome::Failed { .. }), None) => {
                failing.push(run.source.clone());
                let words = self.words();
                Some((words.backup_failed.replace("{source}", &run.source), words.see_why.clone()))
            }
            (Some(Outcome::Done { .. }), Some(at)) => {
                failing.remove(at);
                Some((self.words().recovered.replace("{source}", &run.source), String::new()))
            }
            _ => None,
        }
    }

    /// The names not reported before; after recovery they may be reported again.
    fn newly_overdue(&self, names: &[String]) -> Vec<String> {
        let mut reported = self.0.overdue.lock().unwrap_or_else(PoisonError::into_inner);
        let new = names.iter().filter(|name| !reported.contains(name)).cloned().collect();
        *reported = names.to_vec();
        new
    }
}

impl Links {
    fn deliver(&mut self, link: Link) {
        let heard = self.channel.as_ref().is_some_and(|channel| channel.send(link.clone()).is_ok());
        if !heard {
            self.channel = None;
            self.waiting = Some(link);
        }
    }
}

impl Window for Listener {
    fn run(&self, run: &RunView) {
        let mut listening = self.0.channel.lock().unwrap_or_else(PoisonError::into_inner);
        // A window that was closed or reloaded no longer listens.
        if listening.as_ref().is_some_and(|channel| channel.send(run.clone()).is_err()) {
            *listening = None;
        }
        drop(listening);
        let Some(app) = self.0.app.get() else { return };
        app.state::<Tray<Wry>>().show_run(run, &self.words());
        if let Some((title, body)) = self.notification(run) {
            notify(app, &title, &body);
        }
    }

    fn waits(&self, wait: &WaitView) {
        let mut listening = self.0.waits.lock().unwrap_or_else(PoisonError::into_inner);
        if listening.as_ref().is_some_and(|channel| channel.send(*wait).is_err()) {
            *listening = None;
        }
    }

    fn overdue(&self, names: &[String]) {
        let new = self.newly_overdue(names);
        if let Some(app) = self.0.app.get() {
            let words = self.words().clone();
            for name in new {
                notify(app, &words.overdue.replace("{source}", &name), &words.see_why);
            }
        }
    }
}

/// The notification when the window was closed for the first time: title and text.
fn farewell(words: &PanelWords, next: Option<&NextView>, now: i64, zone: &TimeZone) -> (String, String) {
    let next = next.and_then(|next| Some((&next.source, when(next.at, now, zone)?)));
    let next = next.map(|(source, time)| {
        let text = words.next_backup.replace("{time}", &time);
        // Last, because a source may have any name.
        format!("{} ", text.replace("{source}", source))
    });
    (words.keeps_running.clone(), format!("{}{}", next.unwrap_or_default(), words.quit_from_tray))
}

/// A time to come, in figures that every language has; with its date unless it is within a day.
fn when(at: i64, now: i64, zone: &TimeZone) -> Option<String> {
    const DAY: i64 = 24 * 3600;
    let form = match at - now {
        ..=0 => return None,
        1..DAY => "%H:%M",
        _ => "%F %H:%M",
    };
    Some(Timestamp::from_second(at).ok()?.to_zoned(zone.clone()).strftime(form).to_string())
}

fn notify<R: Runtime>(app: &AppHandle<R>, title: &str, body: &str) {
    if let Err(error) = app.notification().builder().title(title).body(body).show() {
        tracing::warn!(%error, "the desktop rejected a notification");
    }
}

#[cfg(test)]
mod tests {
    use client_core::text;

    use super::*;
    use crate::{error::UiError, text::TextView};

    fn run(kind: RunKind, outcome: Option<Outcome>) -> RunView {
        RunView { outcome, ..RunView::new(kind, "shop", String::new()) }
    }

    #[test]
    fn a_failure_is_notified_once_and_so_is_the_recovery() {
        let failed = || {
            let text = String::new;
            let error = UiError {
                code: "io".into(),
                happened: Box::new(TextView::from(&text!("the disk broke"))),
                meaning: text(),
                next_step: text(),
                retryable: false,
            };
            Some(Outcome::Failed { error, choices: Vec::new() })
        };
        let done = || {
            Some(Outcome::Done {
                snapshot: String::new(),
                sha256: String::new(),
                bytes: 0,
                restored: None,
                marks: Vec::new(),
                notes: Vec::new(),
                failed: Vec::new(),
            })
        };
        let listener = Listener::default();
        listener.set_words(PanelWords {
            backup_failed: "Backup of {source} failed".into(),
            recovered: "Backups of {source} work again".into(),
            ..PanelWords::default()
        });
        let title = |outcome| listener.notification(&run(RunKind::Backup, outcome)).map(|(title, _)| title);
        assert_eq!(title(None), None);
        assert_eq!(title(done()), None);
        assert_eq!(title(failed()).as_deref(), Some("Backup of shop failed"));
        assert_eq!(title(failed()), None);
        assert_eq!(title(done()).as_deref(), Some("Backups of shop work again"));
        assert_eq!(title(done()), None);
        assert_eq!(listener.notification(&run(RunKind::Restore, failed())), None);
    }

    #[test]
    fn an_overdue_source_is_notified_once_until_it_recovers() {
        let listener = Listener::default();
        let (shop, blog) = ("shop".to_owned(), "blog".to_owned());
        assert_eq!(listener.newly_overdue(std::slice::from_ref(&shop)), ["shop"]);
        assert_eq!(listener.newly_overdue(&[shop.clone(), blog]), ["blog"]);
        assert!(listener.newly_overdue(&[]).is_empty());
        assert_eq!(listener.newly_overdue(&[shop]), ["shop"]);
    }

    #[test]
    fn the_farewell_names_the_next_backup_and_the_way_out() {
        const HOUR: i64 = 3600;
        let words = PanelWords {
            keeps_running: "Sealkeep keeps running".into(),
            next_backup: "Next backup of {source}: {time}.".into(),
            quit_from_tray: "Quit from the tray icon.".into(),
            ..PanelWords::default()
        };
        let body = |at: Option<i64>| {
            let next = at.map(|at| NextView { source: "{time}".into(), at });
            farewell(&words, next.as_ref(), 20 * HOUR, &TimeZone::UTC).1
        };
        assert_eq!(body(None), "Quit from the tray icon.");
        assert_eq!(body(Some(26 * HOUR)), "Next backup of {time}: 02:00. Quit from the tray icon.");
        assert_eq!(
            body(Some(50 * HOUR)),
            "Next backup of {time}: 1970-01-03 02:00. Quit from the tray icon."
        );
        assert_eq!(body(Some(20 * HOUR)), "Quit from the tray icon.", "it is due, and starts by itself");
    }

    #[test]
    fn a_signal_is_lost_if_nobody_listens() {
        let listener = Listener::default();
        assert!(!listener.signal(&Signal::Leave { quit: false }));
        let (heard, hears) = std::sync::mpsc::channel();
        listener.set_signals(Channel::new(move |body| {
            drop(heard.send(body.deserialize::<serde_json::Value>()?));
            Ok(())
        }));
        assert!(listener.signal(&Signal::Leave { quit: false }));
        assert!(listener.signal(&Signal::Menu { action: crate::view::MenuAction::Add }));
        let heard: Vec<_> = hears.try_iter().collect();
        assert_eq!(
            heard,
            [
                serde_json::json!({ "what": "leave", "quit": false }),
                serde_json::json!({ "what": "menu", "action": "add" }),
            ]
        );
    }

    #[test]
    fn a_link_waits_until_somebody_listens() {
        let listener = Listener::default();
        listener.go(Link::Devices);
        listener.go(Link::Home);
        let (heard, hears) = std::sync::mpsc::channel();
        listener.set_links(Channel::new(move |body| {
            drop(heard.send(body.deserialize::<serde_json::Value>()?));
            Ok(())
        }));
        listener.go(Link::Settings);
        let views: Vec<_> = hears.try_iter().map(|link| link["view"].clone()).collect();
        assert_eq!(views, ["home", "settings"]);
    }
}
