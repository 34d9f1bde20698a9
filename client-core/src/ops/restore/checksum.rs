//! The checksum of everything restored, compared before a file gets its name or a transaction commits.

use api_types::Sha256;
use sha2::Digest;

use super::sink::Sink;
use crate::{
    error::Error,
    event::{Event, Observer},
    source::Restored,
    text,
};

/// Writes everything except the last piece, which follows once the checksum matches.
pub(super) struct Checksummed {
    sink: Box<dyn Sink>,
    hash: sha2::Sha256,
    last: Vec<u8>,
    written: u64,
}

impl Checksummed {
    pub(super) fn new(sink: Box<dyn Sink>) -> Self {
        Self { sink, hash: sha2::Sha256::new(), last: Vec::new(), written: 0 }
    }

    pub(super) fn write(&mut self, bytes: Vec<u8>, observer: &dyn Observer) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.hash.update(&bytes);
        self.written += bytes.len() as u64;
        observer.event(&Event::Restored { bytes: bytes.len() as u64 });
        let before = std::mem::replace(&mut self.last, bytes);
        self.sink.write(&before)
    }

    /// The bytes written, and what else to report.
    pub(super) fn finish(mut self, expected: Option<Sha256>) -> Result<(u64, Restored), Error> {
        let found = Sha256::new(self.hash.finalize().into());
        if let Some(expected) = expected.filter(|e| *e != found) {
            return Err(Error::damaged(text!(
                "the restored bytes have SHA-256 {found}; the dump that was backed up had {expected}",
                found,
                expected
            )));
        }
        self.sink.write(&self.last)?;
        Ok((self.written, self.sink.commit()?))
    }
}
