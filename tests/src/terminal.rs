//! Runs a call on its own terminal, to see and do what a person at the keyboard would.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use crate::{
    call::Call,
    failure::{Context, Failure, Result},
    wait::within,
};

const PATIENCE: Duration = Duration::from_secs(60);
/// Marks the end of a call's output. A program that controls a terminal with zero bytes would fail other tests.
const END: u8 = 0;

/// A terminal with a running call.
pub struct Terminal {
    child: Child,
    keyboard: File,
    /// Kept open, so that its settings can be checked after the call has ended.
    line: File,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts the call on a terminal of this width, as the process that Ctrl-C reaches.
    ///
    /// # Errors
    /// No terminal is available, or the call does not start.
    pub fn start(call: &Call, columns: u16) -> Result<Self> {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).context("openpt")?;
        grantpt(&keyboard).context("grantpt")?;
        unlockpt(&keyboard).context("unlockpt")?;
        let name = ptsname(&keyboard, Vec::new()).context("ptsname")?.into_string().context("ptsname")?;
        let line = File::options().read(true).write(true).open(name)?;
        tcsetwinsize(&line, Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })
            .context("tcsetwinsize")?;
        // A new session with this terminal; `setsid` does it without unsafe code here.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(call.command.get_program()).args(call.command.get_args());
        command.env_clear().env("TERM", "xterm");
        for (name, value) in call.command.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        if let Some(dir) = call.command.get_current_dir() {
            command.current_dir(dir);
        }
        command.stdin(line.try_clone()?).stdout(line.try_clone()?).stderr(line.try_clone()?);
        let child = command.spawn().context("setsid")?;
        let keyboard = File::from(keyboard);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) = (keyboard.try_clone()?, Arc::clone(&screen));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = from.read(&mut buffer) {
                to.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..n]);
            }
        });
        Ok(Self { child, keyboard, line, screen })
    }

    /// The call's process: `setsid` replaced itself with it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that was written to the terminal.
    #[must_use]
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }

    /// Waits until this text appears.
    ///
    /// # Errors
    /// It does not appear in time.
    pub fn expect(&self, text: &str) -> Result<()> {
        self.wait(&format!("{text:?}"), || self.screen().contains(text))
    }

    /// Waits until this question for a secret appears, and typed characters no longer do.
    ///
    /// # Errors
    /// It does not appear in time, or the terminal still echoes.
    pub fn expect_hidden(&self, question: &str) -> Result<()> {
        self.expect(question)?;
        self.wait(&format!("a hidden answer to {question:?}"), || {
            // Both are off once the prompt reads; some questions switch off the echo earlier.
            tcgetattr(&self.line)
                .is_ok_and(|set| !set.local_modes.intersects(LocalModes::ECHO | LocalModes::ICANON))
        })
    }

    /// Waits, and shows the screen if it was in vain.
    fn wait(&self, what: &str, happened: impl FnMut() -> bool) -> Result<()> {
        within(PATIENCE, what, happened)
            .map_err(|error| Failure::new(format!("{error}; the screen: {:?}", self.screen())))
    }

    /// Types these keys; `\x03` is Ctrl-C.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn type_in(&mut self, keys: &str) -> Result<()> {
        Ok(self.keyboard.write_all(keys.as_bytes())?)
    }

    /// Whether it echoes and reads line by line, as a shell expects.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn is_as_usual(&self) -> Result<bool> {
        let set = tcgetattr(&self.line).context("tcgetattr")?;
        Ok(set.local_modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG))
    }

    /// Waits for the call to exit and returns its exit code.
    ///
    /// # Errors
    /// It does not exit in time.
    pub fn end(&mut self) -> Result<i32> {
        let mut status = None;
        let child = &mut self.child;
        let ended = within(PATIENCE, "the end of the call", || {
            status = child.try_wait().ok().flatten();
            status.is_some()
        });
        ended.map_err(|error| Failure::new(format!("{error}; the screen: {:?}", self.screen())))?;
        // The reader may be behind: what we write ourselves comes after all that the call wrote.
        let mut line = &self.line;
        line.write_all(&[END])?;
        self.wait("the last output", || self.lock().last() == Some(&END))?;
        self.lock().pop();
        Ok(status.and_then(|status| status.code()).unwrap_or(-1))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
