//! Schedules that run without a window: a systemd timer per source, of the user or of the system. The schedule itself
//! is the saved source's; a unit only repeats it, and starts `sealkeep schedule run ID`, which asks `due`.

mod cron;
mod follow;
mod unit;

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use uuid::Uuid;

use self::unit::{Units, is_untouched};
pub use self::{
    cron::Crontab,
    follow::{Followed, Left, follow},
};
use super::{
    Client,
    schedule::Schedule,
    sources::{self, SavedSource},
};
use crate::{
    error::{Error, ErrorKind},
    output,
    shell::quoted,
    state::take_turn,
    text,
};

const LOCK: &str = "timers.lock";
/// Where an administrator's units are.
const SYSTEM_FOLDER: &str = "/etc/systemd/system";

/// Who runs a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The user's own systemd: while the user is signed in, or always if the user lingers.
    User,
    /// The system's, as the owner of the home: always.
    System,
}

/// Whether a timer's files are what its source's schedule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// They are.
    Current,
    /// The schedule, the name, the program or the home changed since, or the service is gone.
    Outdated,
    /// Somebody edited them.
    Edited,
}

/// The timer of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// Who runs it.
    pub scope: Scope,
    /// `sealkeep-….timer`
    pub unit: String,
    /// Whether its files are current.
    pub files: Files,
}

/// The outcome of adding a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The timer runs.
    Enabled {
        /// `sealkeep-….timer`
        unit: String,
        /// The files written.
        files: Vec<PathBuf>,
        /// Whether it runs while the user is not signed in; `None` if nobody can say.
        signed_out: Option<bool>,
    },
    /// The files are written, and an administrator must run these commands.
    Prepared {
        /// `sealkeep-….timer`
        unit: String,
        /// For a shell, in this order.
        commands: Vec<String>,
    },
    /// There is no systemd to run it.
    NoSystemd {
        /// What it said.
        why: String,
        /// The line for `crontab -e`.
        crontab: String,
    },
}

/// The outcome of removing a timer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Timers that were removed.
    pub units: Vec<String>,
    /// Files that somebody had edited, under the name by which they are kept.
    pub kept: Vec<PathBuf>,
}

/// Gives a source a schedule and a timer for it; `program` is the `sealkeep` command.
///
/// # Errors
/// [`ErrorKind::Exists`] if somebody edited the files, or if the other scope has a timer: nothing was changed then.
/// Otherwise as [`sources::set_schedule`], or systemd's refusal.
pub fn schedule(
    client: &Client,
    id: Uuid,
    schedule: Schedule,
    scope: Scope,
    program: PathBuf,
) -> Result<Outcome, Error> {
    let _turn = take_turn(client.home(), LOCK)?;
    let source = SavedSource { schedule, ..sources::get(client, id)? };
    let place = Place::of(scope)?;
    // Without a home directory there are no units in it.
    let other = Place::of(if scope == Scope::User { Scope::System } else { Scope::User }).ok();
    if let Some(other) = other.filter(|other| other.timer(id).exists()) {
        return Err(Error::new(
            ErrorKind::Exists,
            text!(
                "{timer} already starts backups of {name}",
                timer = other.timer(id).display(),
                name = source.name
            ),
            "nothing was changed; that timer keeps running",
            format!("remove it first: `sealkeep schedule remove {}`", quoted(&source.name)),
        ));
    }
    place.refuse_edited(id)?;
    let units = units(client, &source, scope, program)?;
    let texts = units.texts()?;
    let unit = timer_name(id);
    if scope == Scope::System && !is_admin() {
        sources::set_schedule(client, id, schedule)?;
        return prepare(client, unit, &texts);
    }
    if let Err(why) = scope.systemctl(&["daemon-reload"]) {
        // First what may be refused: then nothing was changed.
        let crontab = units.crontab()?;
        sources::set_schedule(client, id, schedule)?;
        return Ok(Outcome::NoSystemd { why, crontab });
    }
    sources::set_schedule(client, id, schedule)?;
    let files = place.write(&texts)?;
    scope.restart(&unit).map_err(|why| refused(&unit, &why))?;
    let signed_out = if scope == Scope::System { Some(true) } else { lingers() };
    Ok(Outcome::Enabled { unit, files, signed_out })
}

/// Removes a source's schedule and its timer.
///
/// # Errors
/// Same as [`remove`].
pub fn unschedule(client: &Client, id: Uuid) -> Result<Removed, Error> {
    let removed = remove(client, id)?;
    sources::set_schedule(client, id, Schedule::Manual)?;
    Ok(removed)
}

/// Removes a source's timer. Files that somebody edited are kept under another name.
///
/// # Errors
/// [`ErrorKind::Usage`] for a timer of the system if this is not its administrator; a file cannot be removed.
pub fn remove(client: &Client, id: Uuid) -> Result<Removed, Error> {
    let _turn = take_turn(client.home(), LOCK)?;
    remove_all(id)
}

/// The caller has the turn.
fn remove_all(id: Uuid) -> Result<Removed, Error> {
    let mut removed = Removed::default();
    for scope in [Scope::User, Scope::System] {
        // Without a home directory there are no units in it.
        let Ok(place) = Place::of(scope) else { continue };
        let (service, timer) = (place.folder.join(service_name(id)), place.timer(id));
        if !service.exists() && !timer.exists() {
            continue;
        }
        let unit = timer_name(id);
        if scope == Scope::System && !is_admin() {
            return Err(Error::new(
                ErrorKind::Usage,
                text!("{unit} is a timer of the system, which only an administrator can remove", unit),
                "nothing was changed; the timer keeps running",
                format!(
                    "run `sudo systemctl disable --now {unit}` and `sudo rm {} {}`, then this again",
                    timer.display(),
                    service.display()
                ),
            ));
        }
        if let Err(why) = scope.systemctl(&["disable", "--now", &unit]) {
            // Without a running systemd nothing fires; the link would make it fire later.
            tracing::warn!(%why, "the timer could not be disabled");
            remove_file(&place.folder.join("timers.target.wants").join(&unit))?;
        }
        for path in [timer, service] {
            if read(&path)?.is_some_and(|text| !is_untouched(&text)) {
                removed.kept.push(keep(&path)?);
            } else {
                remove_file(&path)?;
            }
        }
        drop(scope.systemctl(&["daemon-reload"]));
        removed.units.push(unit);
    }
    Ok(removed)
}

/// The timer of a source, if it has one; `program` is the `sealkeep` command.
///
/// # Errors
/// Its files cannot be read.
pub fn of(client: &Client, source: &SavedSource, program: &Path) -> Result<Option<Timer>, Error> {
    for scope in [Scope::User, Scope::System] {
        let Ok(place) = Place::of(scope) else { continue };
        let Some(timer) = read(&place.timer(source.id))? else { continue };
        let service = read(&place.folder.join(service_name(source.id)))?;
        let units = units(client, source, scope, program.to_owned())?;
        let files = state_of(&units, service.as_deref(), &timer);
        return Ok(Some(Timer { scope, unit: timer_name(source.id), files }));
    }
    Ok(None)
}

/// Whether a service and a timer are what we would write now.
fn state_of(wanted: &Units, service: Option<&str>, timer: &str) -> Files {
    let is = |wanted: Result<String, Error>, text: &str| wanted.is_ok_and(|wanted| wanted == text);
    if is(wanted.timer(), timer) && service.is_some_and(|service| is(wanted.service(), service)) {
        Files::Current
    } else if is_untouched(timer) && service.is_none_or(is_untouched) {
        Files::Outdated
    } else {
        Files::Edited
    }
}

/// Whether the user's systemd runs while the user is not signed in; `None` if nobody can say.
#[must_use]
pub fn lingers() -> Option<bool> {
    let user = rustix::process::getuid().as_raw().to_string();
    let mut command = Command::new("loginctl");
    command.args(["show-user", &user, "-p", "Linger", "--value"]).stdin(Stdio::null());
    let said = command.output().ok().filter(|said| said.status.success())?;
    match String::from_utf8_lossy(&said.stdout).trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// Lets the user's systemd run from the start of the machine on.
///
/// # Errors
/// It is refused.
pub fn enable_linger() -> Result<(), Error> {
    run(Command::new("loginctl").arg("enable-linger")).map_err(|why| {
        Error::new(
            ErrorKind::Io,
            text!("lingering cannot be enabled: {why}", why),
            "the timer runs while you are logged in",
            "ask an administrator to run `loginctl enable-linger` for you, or use --system",
        )
    })
}

impl Scope {
    /// Another schedule takes effect only when the timer starts again.
    fn restart(self, unit: &str) -> Result<(), String> {
        self.systemctl(&["daemon-reload"])
            .and_then(|()| self.systemctl(&["enable", unit]))
            .and_then(|()| self.systemctl(&["restart", unit]))
    }

    fn systemctl(self, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new("systemctl");
        if self == Self::User {
            command.arg("--user");
        }
        run(command.arg("--no-ask-password").args(arguments))
    }
}

/// Runs a program to its end. If it fails, returns what it said.
fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.stdin(Stdio::null()).output() {
        Err(error) => Err(format!("{name}: {error}")),
        Ok(said) if said.status.success() => Ok(()),
        Ok(said) => {
            let text = String::from_utf8_lossy(&said.stderr);
            Err(text.lines().next().map_or_else(|| format!("{name} failed"), |line| line.trim().to_owned()))
        }
    }
}

/// Where the units of a scope are.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn of(scope: Scope) -> Result<Self, Error> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = match scope {
            Scope::System => PathBuf::from(SYSTEM_FOLDER),
            Scope::User => variable("XDG_CONFIG_HOME")
                .or_else(|| variable("HOME").map(|home| home.join(".config")))
                .ok_or_else(|| {
                    Error::usage(text!("HOME is not set: systemd looks for a user's units there"))
                })?
                .join("systemd/user"),
        };
        Ok(Self { folder })
    }

    fn timer(&self, id: Uuid) -> PathBuf {
        self.folder.join(timer_name(id))
    }

    fn write(&self, texts: &[(String, String)]) -> Result<Vec<PathBuf>, Error> {
        fs::create_dir_all(&self.folder).map_err(|e| Error::io(&self.folder.display().to_string(), &e))?;
        let mut files = Vec::new();
        for (name, text) in texts {
            let path = self.folder.join(name);
            output::save(&path, text.as_bytes(), 0o644)?;
            files.push(path);
        }
        Ok(files)
    }

    fn refuse_edited(&self, id: Uuid) -> Result<(), Error> {
        for path in [self.timer(id), self.folder.join(service_name(id))] {
            if read(&path)?.is_some_and(|text| !is_untouched(&text)) {
                return Err(Error::new(
                    ErrorKind::Exists,
                    text!("{path} was edited by hand", path = path.display()),
                    "nothing was changed; the timer keeps running unchanged",
                    "keep your changes in a drop-in (`systemctl edit`), remove the file, and run this again",
                ));
            }
        }
        Ok(())
    }
}

/// Writes the units where an administrator can take them from.
fn prepare(client: &Client, unit: String, texts: &[(String, String)]) -> Result<Outcome, Error> {
    let folder = client.home().join("units");
    fs::create_dir_all(&folder).map_err(|e| Error::io(&folder.display().to_string(), &e))?;
    let mut install = vec!["sudo install -m 644".to_owned()];
    for (name, text) in texts {
        let path = folder.join(name);
        output::save(&path, text.as_bytes(), 0o644)?;
        install.push(quoted(&path.display().to_string()).into_owned());
    }
    install.push(format!("{SYSTEM_FOLDER}/"));
    let commands = vec![
        install.join(" "),
        "sudo systemctl daemon-reload".to_owned(),
        format!("sudo systemctl enable --now {unit}"),
    ];
    Ok(Outcome::Prepared { unit, commands })
}

impl Units {
    /// Its files: their names, and what is in them.
    fn texts(&self) -> Result<[(String, String); 2], Error> {
        Ok([(service_name(self.id), self.service()?), (timer_name(self.id), self.timer()?)])
    }
}

fn units(client: &Client, source: &SavedSource, scope: Scope, program: PathBuf) -> Result<Units, Error> {
    let home = client.home().to_owned();
    let owner = || {
        fs::metadata(&home).map(|about| about.uid()).map_err(|e| Error::io(&home.display().to_string(), &e))
    };
    let user = if scope == Scope::System { Some(owner()?) } else { None };
    if let Some(user) = user.filter(|user| *user != rustix::process::geteuid().as_raw()) {
        return Err(Error::usage(text!(
            "{home} belongs to user {user}: run this as that user",
            home = home.display(),
            user
        )));
    }
    Ok(Units { id: source.id, name: source.name.clone(), schedule: source.schedule, program, home, user })
}

fn is_admin() -> bool {
    rustix::process::geteuid().is_root()
}

fn service_name(id: Uuid) -> String {
    format!("sealkeep-{id}.service")
}

pub(super) fn timer_name(id: Uuid) -> String {
    format!("sealkeep-{id}.timer")
}

/// The text of a file, if there is one. Who edited it may have used another encoding.
fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(&path.display().to_string(), &e)),
    }
}

/// Moves a file aside, under a name that systemd does not read and that is free.
fn keep(path: &Path) -> Result<PathBuf, Error> {
    let name = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { ".saved".to_owned() } else { format!(".saved{number}") });
        PathBuf::from(name)
    };
    let free = (1..).map(name).find(|kept| !kept.exists()).unwrap_or_else(|| name(1));
    fs::rename(path, &free).map_err(|e| Error::io(&path.display().to_string(), &e))?;
    Ok(free)
}

fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(&path.display().to_string(), &e)),
        _ => Ok(()),
    }
}

fn refused(unit: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::Io,
        text!("systemd refuses {unit}: {why}", unit, why),
        "the schedule is saved, but nothing starts it while the app is closed",
        "see `systemctl status` and `journalctl`, then run this again",
    )
}

#[cfg(test)]
mod tests;
