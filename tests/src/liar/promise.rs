//! Promises that must hold whatever the service says.

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

/// Maximum resident memory of a command, bytes (P8).
pub const MEMORY: u64 = 200 * 1024 * 1024;
/// Additional memory for the password's key stretching, bytes.
pub const STRETCHING: u64 = 256 * 1024 * 1024;
/// Maximum requests of one command to the service (P8).
pub const REQUESTS: usize = 3000;
/// Time limit of a command under lies (P8).
pub const PATIENCE: Duration = Duration::from_secs(100);
/// Exit codes that are a result or an error, but not a bug.
pub const ANY: [i32; 10] = [0, 3, 4, 5, 7, 8, 9, 10, 11, 12];
/// The exit code for an inconsistent history.
pub const ROLLED_BACK: i32 = 10;

/// Why a scene failed.
#[derive(Debug)]
pub enum Broken {
    /// A promise was broken.
    Promise(String),
    /// The scene could not be played.
    Stage(Failure),
}

/// The result of a scene.
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

/// Fails with a broken promise unless `holds`.
///
/// # Errors
/// [`Broken::Promise`].
pub fn promise(holds: bool, what: impl FnOnce() -> String) -> Kept {
    if holds { Ok(()) } else { Err(Broken::Promise(what())) }
}

/// Runs a command that may be lied to, and kills it if it does not exit by itself.
///
/// # Errors
/// It does not start.
pub fn run(call: Call) -> Result<Outcome> {
    let running = call.start()?;
    let pid = running.pid();
    let (over, is_over) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        if is_over.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            // It may have just exited.
            drop(measure::signal(pid, rustix::process::Signal::KILL));
        }
    });
    let outcome = running.wait();
    drop(over);
    drop(watch.join());
    outcome
}

/// The command exited by itself with one of these codes, within its limits (P8).
///
/// # Errors
/// [`Broken::Promise`].
pub fn ends(outcome: &Outcome, codes: &[i32], after: &str) -> Kept {
    ends_within(outcome, codes, after, MEMORY)
}

/// The same for a command that stretches a password.
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

/// P4: a lie changes no secret except the session's tokens.
pub struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    /// The secrets of a device.
    ///
    /// # Errors
    /// It has none.
    pub fn of(device: &Device) -> Result<Self> {
        KeyFile::of(device)?.client_keys().map(Self)
    }

    /// They have not changed.
    ///
    /// # Errors
    /// [`Broken::Promise`].
    pub fn unchanged(&self, device: &Device, after: &str) -> Kept {
        let now = Self::of(device).map(|now| now.0).unwrap_or_default();
        promise(now == self.0, || format!("\"{after}\" changed the keys of a device"))
    }

    /// P10: none of them was ever sent.
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

/// P7: from these entries on, no device sent two different heads with one sequence number.
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

/// The same for heads that the service accepted: no device shows another head with an accepted sequence number. A
/// refused one is signed again today (N4).
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

/// A restore to a pipe delivered a prefix of something that was backed up; all of it if it succeeded (P1).
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
