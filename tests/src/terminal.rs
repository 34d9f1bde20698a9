//! Runs a call on its own terminal, to see and do what a person at the keyboard would.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use crate::{
    call::Call,
    failure::{Context, Failure, Result},
};

const PATIENCE: Duration = Duration::from_secs(30);

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
        String::from_utf8_lossy(&self.screen.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Waits until this text appears.
    ///
    /// # Errors
    /// It does not appear in time.
    pub fn expect(&self, text: &str) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while !self.screen().contains(text) {
            if Instant::now() > until {
                return Err(Failure::new(format!("{text:?} did not come: {:?}", self.screen())));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
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
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                // The last output arrives in a moment.
                thread::sleep(Duration::from_millis(100));
                return Ok(status.code().unwrap_or(-1));
            }
            if Instant::now() > until {
                return Err(Failure::new(format!("it does not end: {:?}", self.screen())));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
