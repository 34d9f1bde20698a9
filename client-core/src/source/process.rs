//! A child process whose exit matters: its output is kept without secrets, and it never outlives us.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{text, text::Text};
use rustix::{
    io::{FdFlags, fcntl_setfd},
    pipe::{PipeFlags, pipe_with},
    process::{Pid, Signal, kill_process_group},
};
use secrecy::{ExposeSecret, SecretString};

/// Bytes kept of a program's error output.
const KEPT: usize = 8 * 1024;
/// Shorter secrets are parts of ordinary words: hiding them would reveal them.
const SECRET_LEN: usize = 4;
/// How often to check whether an ending program has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Name of the variable with the pipe that closes when our process exits, for [`GUARD`].
const WATCH_VARIABLE: &str = "SEALKEEP_WATCH";
/// Becomes the program, and leaves a guard in its process group. The guard waits for a line: an empty one means that
/// all is well, [`GIVEN_UP`] that the program is abandoned. The pipe's end means that our process has exited,
/// for whatever reason (see docs/decisions/0007-guard.md): only then is the service file, which programs share, no
/// longer needed. The guard then ends the group with the timing of [`END_SIGNALS`]. As a member of the group it keeps
/// the group's number from being reused.
const GUARD: &str = r#"( trap '' INT TERM HUP QUIT
  read -r said || said=gone
  [ -z "$said" ] || { kill -s INT -- "-$$"; sleep 3; kill -s TERM -- "-$$"; sleep 2; case $said$PGSERVICEFILE in gone*/sealkeep-service-*) rm -f "$PGSERVICEFILE" ;; esac; kill -s KILL -- "-$$"; }
) <"$SEALKEEP_WATCH" >/dev/null 2>&1 &
unset SEALKEEP_WATCH
exec "$@""#;
/// Sent to the guard of a program that still runs when its last handle is dropped.
const GIVEN_UP: &[u8] = b"given up\n";
/// Signals that end a program, and how long it has to react to each.
const END_SIGNALS: [(Signal, Duration); 3] = [
    // On SIGINT pg_dump cancels its query at the server, so that no session stays behind.
    (Signal::INT, Duration::from_secs(3)),
    (Signal::TERM, Duration::from_secs(2)),
    (Signal::KILL, Duration::from_secs(5)),
];

/// The same for psql in a restore. An idle psql ignores the first signal.
const RESTORE_END_SIGNALS: [(Option<Signal>, Duration); 3] = [
    (Some(Signal::INT), Duration::from_millis(500)),
    (Some(Signal::TERM), Duration::from_secs(2)),
    (Some(Signal::KILL), Duration::from_secs(5)),
];
/// For a program whose input has ended.
const IDLE_END_SIGNALS: [(Option<Signal>, Duration); 3] = [
    (None, Duration::from_secs(2)),
    (Some(Signal::TERM), Duration::from_secs(2)),
    (Some(Signal::KILL), Duration::from_secs(5)),
];

/// A running program. Clones refer to the same one.
#[derive(Clone)]
pub(super) struct Process(Arc<Shared>);

struct Shared {
    child: Mutex<Child>,
    /// Closes when we end. A line in it releases the guard.
    life: Mutex<Option<File>>,
    stderr: Mutex<Option<JoinHandle<Vec<u8>>>>,
    secrets: Vec<SecretString>,
}

impl Drop for Shared {
    /// A program that ended without being waited for has a guard, too.
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let word: &[u8] = if matches!(child.try_wait(), Ok(None)) { GIVEN_UP } else { b"\n" };
        if let Some(mut life) = self.life.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            // The guard may be gone already.
            drop(life.write_all(word));
        }
    }
}

/// A program and its pipes.
pub(super) struct Started {
    pub(super) process: Process,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
}

/// How a program ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// The end of its error output, without secrets.
    pub(super) stderr: String,
}

impl Ended {
    /// `exit code 1` or `killed by signal 9`.
    pub(super) fn how(&self) -> Text {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => text!("exit code {code}", code),
            (None, Some(signal)) => text!("killed by signal {signal}", signal),
            (None, None) => text!("unknown exit status"),
        }
    }

    /// The errors in its output, each with its details; without any, the last lines. As one line.
    pub(super) fn detail(&self) -> String {
        let lines: Vec<&str> = self.stderr.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        let errors = errors(&lines);
        if !errors.is_empty() {
            return errors.into_iter().take(6).collect::<Vec<_>>().join("; ");
        }
        let last = lines.iter().skip(lines.len().saturating_sub(6)).copied().collect::<Vec<_>>().join("; ");
        if last.is_empty() { "no output".to_owned() } else { last }
    }
}

/// Lines that contain an error, and those that explain it. The failed statement may itself span any number of lines.
fn errors<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let names = |line: &str| ["ERROR:", "FATAL:", "PANIC:", "error:"].iter().any(|word| line.contains(word));
    let explains = |line: &str| ["DETAIL:", "HINT:"].iter().any(|word| line.starts_with(word));
    let mut found = Vec::new();
    for line in lines {
        if names(line) || (explains(line) && !found.is_empty()) {
            found.push(*line);
        }
    }
    found
}

/// A command for this program that ends with us, even if we are killed. Arguments can be added as usual.
pub(super) fn guarded(program: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", GUARD, "sealkeep"]).arg(program);
    command
}

impl Process {
    /// Starts a program in a process group of its own: a Ctrl-C at the terminal reaches it through us. `secrets` are
    /// removed from the output that is kept.
    pub(super) fn start(command: Command, secrets: Vec<SecretString>) -> io::Result<Started> {
        Self::start_listening(command, secrets, |_| {})
    }

    /// Same as [`Self::start`]; `on_line` also gets each line of output immediately, without secrets.
    pub(super) fn start_listening(
        mut command: Command,
        secrets: Vec<SecretString>,
        on_line: impl FnMut(&str) + Send + 'static,
    ) -> io::Result<Started> {
        let (watched, life) = pipe_with(PipeFlags::CLOEXEC)?;
        // Pass on only the reading end: a process that inherits the other would keep the guard waiting.
        fcntl_setfd(&watched, FdFlags::empty())?;
        command.env(WATCH_VARIABLE, format!("/dev/fd/{}", watched.as_raw_fd()));
        let mut child = command.stderr(Stdio::piped()).process_group(0).spawn()?;
        drop::<OwnedFd>(watched);
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stderr = child.stderr.take().map(|stderr| {
            let mut lines = Lines { secrets: secrets.clone(), line: Vec::new(), on_line };
            thread::spawn(move || tail(stderr, &mut |bytes| lines.push(bytes)))
        });
        let shared = Shared {
            child: Mutex::new(child),
            life: Mutex::new(Some(File::from(life))),
            stderr: Mutex::new(stderr),
            secrets,
        };
        Ok(Started { process: Self(Arc::new(shared)), stdin, stdout })
    }

    /// Whether both refer to the same program.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.0.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end. The lock is not held meanwhile, so that others can send signals.
    pub(super) fn wait(&self) -> io::Result<Ended> {
        loop {
            if let Some(status) = self.child().try_wait()? {
                return Ok(self.ended(status));
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Asks the program to end; escalates in the background if it does not.
    pub(super) fn request_end(&self) {
        let process = self.clone();
        self.signal(Signal::INT);
        thread::spawn(move || process.end());
    }

    /// Ends the program, gently first, and waits for it.
    pub(super) fn end(&self) {
        self.end_by(&END_SIGNALS.map(|(signal, patience)| (Some(signal), patience)));
    }

    fn end_by(&self, ways: &[(Option<Signal>, Duration)]) {
        for (signal, patience) in ways {
            if let Some(signal) = signal {
                self.signal(*signal);
            }
            let until = Instant::now() + *patience;
            while Instant::now() < until {
                if !matches!(self.child().try_wait(), Ok(None)) {
                    self.release();
                    return;
                }
                thread::sleep(POLL_INTERVAL);
            }
        }
    }

    /// Ends a program whose input must not appear to end: the server is told to cancel the statement, then the program
    /// ends, before its pipe is closed.
    pub(super) fn abandon(&self) {
        self.end_by(&RESTORE_END_SIGNALS);
    }

    /// Waits a moment for a program to end by itself, then ends it.
    pub(super) fn wait_or_end(&self) {
        self.end_by(&IDLE_END_SIGNALS);
    }

    /// Signals the program and everything it started. Does nothing once the program has been waited for: its number
    /// may have been reused.
    fn signal(&self, signal: Signal) {
        let mut child = self.child();
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // Fails only if the program has just ended.
            let _ = kill_process_group(pid, signal);
        }
    }

    /// Releases its guard, which would otherwise remove what other programs still need.
    fn release(&self) {
        let life = self.0.life.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut life) = life {
            // The guard may be gone already.
            drop(life.write_all(b"\n"));
        }
    }

    fn ended(&self, status: ExitStatus) -> Ended {
        self.release();
        let stderr = self.0.stderr.lock().unwrap_or_else(PoisonError::into_inner).take();
        let stderr = stderr.and_then(|thread| thread.join().ok()).unwrap_or_default();
        Ended { status, stderr: without(&self.0.secrets, &stderr) }
    }
}

fn without(secrets: &[SecretString], stderr: &[u8]) -> String {
    let mut stderr = String::from_utf8_lossy(stderr).into_owned();
    for secret in secrets {
        if secret.expose_secret().len() >= SECRET_LEN {
            stderr = stderr.replace(secret.expose_secret(), "***");
        }
    }
    stderr
}

/// Splits a program's output into lines. The rest of a very long line is dropped.
struct Lines<H> {
    secrets: Vec<SecretString>,
    line: Vec<u8>,
    on_line: H,
}

impl<H: FnMut(&str)> Lines<H> {
    fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = KEPT.saturating_sub(self.line.len());
            self.line.extend_from_slice(part.get(..room).unwrap_or(part));
            if part.ends_with(b"\n") {
                (self.on_line)(without(&self.secrets, &self.line).trim_end());
                self.line.clear();
            }
        }
    }
}

/// Reads to the end and keeps the last whole lines: a secret cut in two would not be found.
fn tail(mut from: impl Read, on_piece: &mut dyn FnMut(&[u8])) -> Vec<u8> {
    let (mut kept, mut cut) = (Vec::new(), false);
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        let new = buffer.get(..n).unwrap_or_default();
        on_piece(new);
        kept.extend_from_slice(new);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
            cut = true;
        }
    }
    if cut {
        let line = kept.iter().position(|b| *b == b'\n').map_or(kept.len(), |at| at + 1);
        kept.drain(..line);
    }
    kept
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn shell(script: &str, secrets: &[&str]) -> Started {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        Process::start(command, secrets.iter().map(|s| (*s).into()).collect()).unwrap()
    }

    #[track_caller]
    fn eventually(done: impl Fn() -> bool) {
        let until = Instant::now() + Duration::from_secs(20);
        while !done() {
            assert!(Instant::now() < until);
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Whether a program and its guard have ended; nobody may have waited for them yet.
    fn is_gone(id: u32) -> bool {
        let group = id.to_string();
        !std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            // After the name, which may contain anything: state, parent, group.
            let mut fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
            let state = fields.next();
            fields.nth(1) == Some(group.as_str()) && state != Some("Z")
        })
    }

    #[test]
    fn the_exit_code_and_the_last_output_are_kept_without_secrets() {
        let started = shell("echo the password is hunter2 >&2; exit 3", &["hunter2", "", "e"]);
        let ended = started.process.wait().unwrap();
        assert_eq!(ended.how().to_string(), "exit code 3");
        assert_eq!(ended.detail(), "the password is ***");
    }

    #[test]
    fn long_words_are_bounded_and_cut_between_lines() {
        let started =
            shell("i=0; while [ $i -lt 3000 ]; do echo line $i hunter2 >&2; i=$((i+1)); done", &["hunter2"]);
        let stderr = started.process.wait().unwrap().stderr;
        assert!(
            stderr.len() <= 2 * KEPT && stderr.starts_with("line ") && stderr.ends_with("line 2999 ***\n"),
            "{stderr}"
        );
        assert!(!stderr.contains("hunter2"));
    }

    #[test]
    fn a_program_that_ignores_sigint_is_ended() {
        let Started { process, stdout, .. } =
            shell("trap '' INT; echo ready; sleep 100 & wait; sleep 100", &[]);
        stdout.unwrap().read_exact(&mut [0; b"ready\n".len()]).unwrap();
        let begun = Instant::now();
        process.end();
        assert!(begun.elapsed() < Duration::from_secs(8));
        assert!(!process.wait().unwrap().status.success());
    }

    #[test]
    fn a_guarded_program_is_itself_and_ends_with_us() {
        let mut command = guarded(Path::new("/bin/sh"));
        command.args(["-c", "cat; echo \"$0 ${SEALKEEP_WATCH-unset}\"; exit 7", "a b"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let Started { process, stdin, stdout } = Process::start(command, Vec::new()).unwrap();
        stdin.unwrap().write_all(b"in ").unwrap();
        let mut output = String::new();
        stdout.unwrap().read_to_string(&mut output).unwrap();
        assert_eq!(
            (output.as_str(), process.wait().unwrap().how().to_string().as_str()),
            ("in a b unset\n", "exit code 7")
        );
    }

    #[test]
    fn programs_share_a_service_file_until_we_are_gone() {
        let file = tempfile::Builder::new().prefix("sealkeep-service-").tempfile().unwrap();
        let start = |seconds: &str| {
            let mut command = guarded(Path::new("/bin/sleep"));
            command.arg(seconds).env("PGSERVICEFILE", file.path());
            let process = Process::start(command, Vec::new()).unwrap().process;
            let id = process.child().id();
            // The guard was started before the shell became this program.
            eventually(|| {
                std::fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|it| it == "sleep\n")
            });
            (process, id)
        };
        // One program that exited, and one that still runs when its handle is dropped.
        let (exited, id) = start("0");
        exited.wait_or_end();
        drop(exited);
        eventually(|| is_gone(id));
        let (abandoned, id) = start("100");
        drop(abandoned);
        eventually(|| is_gone(id));
        assert!(file.path().exists());

        // The pipe closes as if we were killed.
        let (killed, _) = start("100");
        drop(killed.0.life.lock().unwrap().take());
        let how = killed.wait().unwrap().how().to_string();
        assert!(how.starts_with("killed by signal"), "{how}");
        eventually(|| !file.path().exists());
    }
}
