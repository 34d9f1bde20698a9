//! How changes to a file are detected.

use crate::{text, text::Text};
use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt,
    thread,
    time::{Duration, SystemTime},
};

/// Two writes within this time may leave the same timestamp; a writer that pauses longer is noticed.
const SETTLED: Duration = Duration::from_millis(300);

/// Identity, size and time of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Stamp {
    pub(in crate::source) fn of(about: &Metadata) -> Self {
        Self {
            device: about.dev(),
            inode: about.ino(),
            size: about.size(),
            seconds: about.mtime(),
            nanoseconds: about.mtime_nsec(),
        }
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Waits until a later change would have another timestamp.
    pub(super) fn settle(&self) {
        let changed = u64::try_from(self.seconds).ok().zip(u32::try_from(self.nanoseconds).ok());
        let changed = changed.map(|(seconds, nanoseconds)| Duration::new(seconds, nanoseconds));
        let age = changed
            .and_then(|changed| SystemTime::UNIX_EPOCH.checked_add(changed))
            .and_then(|changed| SystemTime::now().duration_since(changed).ok());
        if let Some(rest) = age.and_then(|age| SETTLED.checked_sub(age)) {
            thread::sleep(rest);
        }
    }

    /// What has changed.
    pub(super) fn change(&self, now: &Self) -> Option<Text> {
        if (self.device, self.inode) != (now.device, now.inode) {
            Some(text!("another file has taken its place"))
        } else if self.size != now.size {
            Some(text!("it had {before} bytes and has {after}", before = self.size, after = now.size))
        } else if self != now {
            Some(text!("it was written to"))
        } else {
            None
        }
    }
}
