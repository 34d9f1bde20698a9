//! Completion while a command line is typed. The shell's script calls this program with [`VARIABLE`] set, and gets
//! what the arguments' definitions allow, and the names and ids that this device knows. That needs no network and asks
//! nothing: what cannot be read is not offered.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
};

use api_types::SnapshotId;
use clap::Command;
use clap_complete::{
    ArgValueCandidates, CompleteEnv, CompletionCandidate, Shell,
    env::{Bash as Builtin, Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh as BuiltinZsh},
};
use client_core::ops::{
    known::{self, Known},
    runs::{Run, RunKind, RunState},
    select::short,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{config, groups, plain::Plain};

/// Set by the scripts, to the shell's name.
const VARIABLE: &str = "SEALKEEP_COMPLETE";
const NAME: &str = "sealkeep";
const SCRIPT: &str = include_str!("sealkeep.bash");
/// As a file in zsh's path, the script is run at the first completion, and must answer it.
const ZSH_END: &str = "
if [ \"$funcstack[1]\" = \"_sealkeep\" ]; then
    _clap_dynamic_completer_sealkeep \"$@\"
fi
";

fn shells() -> Shells<'static> {
    Shells(&[&Bash, &Elvish, &Fish, &Powershell, &Zsh])
}

/// Answers a shell's script. `false`: this is an ordinary call.
///
/// # Errors
/// The shell is unknown, or standard output is closed.
pub(crate) fn answered() -> Result<bool, clap::Error> {
    let folder = std::env::current_dir().ok();
    CompleteEnv::with_factory(|| with_names(groups::command()))
        .var(VARIABLE)
        .shells(shells())
        .try_complete(std::env::args_os(), folder.as_deref())
}

/// The script that a shell reads at its start.
///
/// # Errors
/// None that a buffer in memory has.
pub(crate) fn script(shell: Shell) -> io::Result<Vec<u8>> {
    let mut script = Vec::new();
    let shells = shells();
    let known = shells.completer(&shell.to_string());
    known.ok_or(io::ErrorKind::Unsupported)?.write_registration(VARIABLE, NAME, NAME, NAME, &mut script)?;
    Ok(script)
}

/// Bash splits words at `@`, so that the builtin script could not complete a snapshot's name.
struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        Builtin.name()
    }

    fn is(&self, name: &str) -> bool {
        Builtin.is(name)
    }

    fn write_registration(
        &self,
        var: &str,
        _name: &str,
        bin: &str,
        completer: &str,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        let script = SCRIPT.replace("VARIABLE", var).replace("COMPLETER", completer).replace("BINARY", bin);
        buf.write_all(script.as_bytes())
    }

    fn write_complete(
        &self,
        cmd: &mut Command,
        args: Vec<OsString>,
        current_dir: Option<&Path>,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        Builtin.write_complete(cmd, args, current_dir, buf)
    }
}

/// The builtin one, also as a file in zsh's path.
struct Zsh;

impl EnvCompleter for Zsh {
    fn name(&self) -> &'static str {
        BuiltinZsh.name()
    }

    fn is(&self, name: &str) -> bool {
        BuiltinZsh.is(name)
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        BuiltinZsh.write_registration(var, name, bin, completer, buf)?;
        buf.write_all(ZSH_END.as_bytes())
    }

    fn write_complete(
        &self,
        cmd: &mut Command,
        args: Vec<OsString>,
        current_dir: Option<&Path>,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        BuiltinZsh.write_complete(cmd, args, current_dir, buf)
    }
}

/// Adds candidates to every argument that names a source, a snapshot, a run or a device.
fn with_names(command: Command) -> Command {
    let command = command.mut_subcommands(with_names);
    // A saved source, not the name of one that was backed up: its command changes or uses it.
    let saves = ["backup", "edit", "remove", "test", "add", "run"].contains(&command.get_name());
    let is_backup = command.get_name() == "backup";
    command.mut_args(move |argument| {
        let candidates: fn(&Known) -> Vec<CompletionCandidate> = match argument.get_id().as_str() {
            "source" if saves => saved,
            "url" if is_backup => saved,
            "source" => backed_up,
            "snapshot" => snapshots,
            "run" => runs,
            "device" => devices,
            _ => return argument,
        };
        argument.add(ArgValueCandidates::new(move || candidates(&known::known(home(std::env::args_os())))))
    })
}

/// The home directory that the typed command line or the configuration names.
fn home(mut typed: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    while let Some(word) = typed.next() {
        let text = word.to_string_lossy();
        if text == "--home" {
            return typed.next().map(PathBuf::from);
        } else if let Some(path) = text.strip_prefix("--home=") {
            return Some(path.into());
        }
    }
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("SEALKEEP_HOME").or_else(|| {
        let file = variable("SEALKEEP_CONFIG").or_else(config::usual_path)?;
        config::read(&file, false).ok()??.home
    })
}

/// A value and what it is; `None` for a value that no terminal shows as it is.
fn candidate(value: &str, about: &str) -> Option<CompletionCandidate> {
    let is_plain = Plain::name(value).as_str() == value;
    let about = (!about.is_empty()).then(|| Plain::name(about).as_str().to_owned().into());
    is_plain.then(|| CompletionCandidate::new(value).help(about))
}

fn saved(known: &Known) -> Vec<CompletionCandidate> {
    known.sources.iter().filter_map(|source| candidate(&source.name, &source.address.shown())).collect()
}

/// Names of sources that have a snapshot, as far as this device knows.
fn names(known: &Known) -> BTreeSet<&str> {
    let snapshots = known.snapshots.iter().map(|snapshot| snapshot.source.as_str());
    let runs = known.runs.iter().filter(|run| run.snapshot.is_some()).filter_map(|run| run.source.as_deref());
    snapshots.chain(runs).chain(known.sources.iter().map(|source| source.name.as_str())).collect()
}

fn backed_up(known: &Known) -> Vec<CompletionCandidate> {
    names(known).into_iter().filter_map(|name| candidate(name, "")).collect()
}

fn snapshots(known: &Known) -> Vec<CompletionCandidate> {
    let newest = names(known)
        .into_iter()
        .filter_map(|name| candidate(&format!("{name}@latest"), "the newest snapshot of this source"));
    // A run knows its snapshot, too: before it was listed here, or while the key file is sealed.
    let backups = known.runs.iter().filter(|run| run.kind == RunKind::Backup);
    let of_runs = backups.filter_map(|run| {
        let created = run.ended_at.unwrap_or(run.started_at);
        Some((run.snapshot?, (created, run.source.as_deref()?)))
    });
    let opened = known.snapshots.iter().map(|s| (s.id, (s.created, s.source.as_str())));
    let all: BTreeMap<SnapshotId, (i64, &str)> = of_runs.chain(opened).collect();
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_key(|(_, (created, _))| Reverse(*created));
    let ids = all.into_iter().filter_map(|(id, (created, source))| {
        candidate(&short(id), &format!("{source}, {}", local_time(created)))
    });
    candidate("latest", "the newest snapshot").into_iter().chain(newest).chain(ids).collect()
}

fn runs(known: &Known) -> Vec<CompletionCandidate> {
    let ids = known.runs.iter().filter_map(|run| {
        let id: String = run.id.to_string().chars().take(8).collect();
        let source = run.source.as_deref().unwrap_or("everything");
        let (kind, when) = (run.kind.as_str(), local_time(run.started_at));
        let about = format!("{kind} of {source}, {when}, {}", result(run));
        candidate(&id, &about)
    });
    candidate("latest", "the newest run").into_iter().chain(ids).collect()
}

fn result(run: &Run) -> &'static str {
    match run.state {
        RunState::Running => "running",
        RunState::Done => "done",
        RunState::Failed(_) => "failed",
    }
}

fn devices(known: &Known) -> Vec<CompletionCandidate> {
    known.device.iter().filter_map(|name| candidate(name, "this device")).collect()
}

/// `2026-11-20 22:00`.
fn local_time(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| seconds.to_string(),
        |at| at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_has_a_script_that_calls_us() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell).unwrap()).unwrap();
            assert!(script.contains(VARIABLE) && script.contains(NAME), "{shell}: {script}");
            for left in ["COMPLETER", "BINARY", "VARIABLE"] {
                assert!(!script.contains(left), "{shell}: {left}");
            }
        }
        let zsh = String::from_utf8(script(Shell::Zsh).unwrap()).unwrap();
        assert!(zsh.starts_with("#compdef sealkeep\n"), "{zsh}");
        assert!(zsh.contains("function _clap_dynamic_completer_sealkeep()"), "{zsh}");
    }

    /// Which arguments have names to offer.
    fn named(command: &Command, path: &str, found: &mut Vec<String>) {
        for argument in command.get_arguments() {
            if argument.get::<ArgValueCandidates>().is_some() {
                found.push(format!("{path} {}", argument.get_id()));
            }
        }
        for sub in command.get_subcommands() {
            named(sub, &format!("{path} {}", sub.get_name()), found);
        }
    }

    #[test]
    fn every_argument_that_names_something_is_completed() {
        let mut found = Vec::new();
        named(&with_names(groups::command()), "", &mut found);
        found.sort_unstable();
        let expected = [
            " backup source",
            " backup url",
            " devices revoke device",
            " index records source",
            " logs run",
            " restore snapshot",
            " restore source",
            " runs source",
            " schedule add source",
            " schedule remove source",
            " schedule run source",
            " snapshots source",
            " source edit source",
            " source remove source",
            " source test source",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_typed_home_counts() {
        let of = |typed: &[&str]| home(typed.iter().map(OsString::from));
        assert_eq!(of(&["--", NAME, "--home", "/a", "restore"]), Some("/a".into()));
        assert_eq!(of(&["--", NAME, "restore", "--home=/b", ""]), Some("/b".into()));
    }

    #[test]
    fn a_hostile_name_is_not_offered_and_a_hostile_description_is_escaped() {
        assert!(candidate("a\x1b[2Jb", "").is_none() && candidate("a\nb", "").is_none());
        let shown = candidate("shop", "a\x1b[2J\nb").unwrap();
        assert_eq!(shown.get_help().unwrap().to_string(), "a\\u{1b}[2J\\nb");
    }
}
