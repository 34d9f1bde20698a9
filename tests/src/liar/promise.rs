//! What must hold, whatever the service says.

use std::{sync::mpsc, thread, time::Duration};

use api_types::{DeviceId, HeadHash};

use super::book::Book;
use crate::{
    call::{Call, Outcome},
    device::Device,
    failure::{Failure, Result},
    keys::KeyFile,
    measure,
};

/// Highest resident memory of a command, bytes (P8).
pub const MEMORY: u64 = 200 * 1024 * 1024;
/// What the password's stretching takes on top of it, bytes.
pub const STRETCHING: u64 = 256 * 1024 * 1024;
/// Requests that one command may make of the service (P8).
pub const REQUESTS: usize = 3000;
/// How long a command may take when it is lied to (P8).
pub const PATIENCE: Duration = Duration::from_secs(100);
/// Ends that are a view or an error, and no fault of the program.
pub const ANY: [i32; 10] = [0, 3, 4, 5, 7, 8, 9, 10, 11, 12];
/// The exit code of a history that cannot be true.
pub const ROLLED_BACK: i32 = 10;

/// Why a scene ended.
#[derive(Debug)]
pub enum Broken {
    /// A promise does not hold.
    Promise(String),
    /// The scene could not be played.
    Stage(Failure),
}

/// Of a scene.
pub type Kept = std::result::Result<(), Broken>;

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Stage(failure)
    }
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Stage(error.into())
    }
}

/// A promise that does not hold, unless `holds`.
///
/// # Errors
/// [`Broken::Promise`].
pub fn promise(holds: bool, what: impl FnOnce() -> String) -> Kept {
    if holds { Ok(()) } else { Err(Broken::Promise(what())) }
}

/// Runs a command that may be lied to, and ends it when it does not end by itself.
///
/// # Errors
/// It does not start.
pub fn run(call: Call) -> Result<Outcome> {
    let running = call.start()?;
    let pid = running.pid();
    let (over, is_over) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        if is_over.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            // It may have ended just now.
            drop(measure::signal(pid, rustix::process::Signal::KILL));
        }
    });
    let outcome = running.wait();
    drop(over);
    drop(watch.join());
    outcome
}

/// The command ended in one of these ways, by itself, and within its bounds (P8).
///
/// # Errors
/// [`Broken::Promise`].
pub fn ends(outcome: &Outcome, codes: &[i32], after: &str) -> Kept {
    ends_within(outcome, codes, after, MEMORY)
}

/// The same of a command that stretches a password.
///
/// # Errors
/// [`Broken::Promise`].
pub fn ends_signing_in(outcome: &Outcome, codes: &[i32], after: &str) -> Kept {
    ends_within(outcome, codes, after, MEMORY + STRETCHING)
}

fn ends_within(outcome: &Outcome, codes: &[i32], after: &str, memory: u64) -> Kept {
    promise(codes.contains(&outcome.code), || {
        format!("after \"{after}\" one of {codes:?} was expected of {outcome}")
    })?;
    let rss = outcome.usage.peak_rss;
    promise(rss <= memory, || format!("after \"{after}\" {} MiB were used by {outcome}", rss >> 20))
}

/// P4: a lie changes no secret but the session's tokens.
pub struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    /// Those of a device.
    ///
    /// # Errors
    /// It has none.
    pub fn of(device: &Device) -> Result<Self> {
        KeyFile::of(device)?.client_keys().map(Self)
    }

    /// They are what they were.
    ///
    /// # Errors
    /// [`Broken::Promise`].
    pub fn unchanged(&self, device: &Device, after: &str) -> Kept {
        let now = Self::of(device).map(|now| now.0).unwrap_or_default();
        promise(now == self.0, || format!("\"{after}\" changed the keys of a device"))
    }

    /// P10: none of them ever passed.
    ///
    /// # Errors
    /// [`Broken::Promise`].
    pub fn stayed(&self, books: &[(&Book, usize)]) -> Kept {
        for (name, secret) in &self.0 {
            promise(!books.iter().any(|(book, from)| book.holds(*from, secret)), || {
                format!("{name} left the device")
            })?;
        }
        Ok(())
    }
}

/// P7: no device let out two different heads with one sequence, from these pages on.
///
/// # Errors
/// [`Broken::Promise`].
pub fn signed_once(books: &[(&Book, usize)]) -> Kept {
    let mut seen: Vec<(DeviceId, u64, HeadHash)> = Vec::new();
    for (book, from) in books {
        for (device, envelope, head) in book.heads(*from) {
            let (sequence, hash) = (envelope.sequence, head.head_hash());
            let other = seen.iter().any(|(d, s, h)| (*d, *s) == (device, sequence) && *h != hash);
            promise(!other, || {
                format!("device {device} signed two different heads with the sequence {sequence}")
            })?;
            seen.push((device, sequence, hash));
        }
    }
    Ok(())
}

/// The same of what the service took: no device shows another head with a sequence that was taken. One that was refused
/// is signed anew today (N4).
///
/// # Errors
/// [`Broken::Promise`].
pub fn committed_once(book: &Book, from: usize) -> Kept {
    let mut took: Vec<(DeviceId, u64, HeadHash)> = Vec::new();
    for (device, sequence, hash, taken) in book.commits(from) {
        let other = took.iter().any(|(d, s, h)| (*d, *s) == (device, sequence) && *h != hash);
        promise(!other, || {
            format!("P7: device {device} signed another head with the sequence {sequence}, which was taken")
        })?;
        if taken {
            took.push((device, sequence, hash));
        }
    }
    Ok(())
}

/// What a restore to a pipe handed out begins like something that was backed up; all of it, when it succeeded (P1).
///
/// # Errors
/// [`Broken::Promise`].
pub fn was_backed_up(outcome: &Outcome, contents: &[Vec<u8>], after: &str) -> Kept {
    let whole = |content: &Vec<u8>| *content == outcome.stdout;
    let part = |content: &Vec<u8>| content.starts_with(&outcome.stdout);
    let holds = if outcome.code == 0 { contents.iter().any(whole) } else { contents.iter().any(part) };
    promise(holds, || {
        format!(
            "after \"{after}\" a restore gave {} bytes that nobody backed up, exit code {}",
            outcome.stdout.len(),
            outcome.code
        )
    })
}
