//! Sits between source and chunker: decompresses compressed dumps and passes everything else through.

use std::io::{self, Read};

use api_types::Sha256;
use sha2::Digest;
use tracing::Span;

use crate::{
    error::Error,
    event::{Event, Observer, Warning},
    source::{Complete, DumpStream, SourceError},
    unwrap::{UnwrapError, Unwrapped, Unwrapper},
};

/// Bytes of the dump read at once. Their content may be a thousand times as large.
const STEP: usize = 8 << 10;

/// Reads a dump and yields its content, followed by the plan for reproducing the dump.
pub(super) struct ContentReader<'a> {
    dump: DumpStream,
    observer: &'a dyn Observer,
    /// `None` at the end, or if turned off.
    unwrapper: Option<Unwrapper>,
    out: Vec<u8>,
    given: usize,
    hash: sha2::Sha256,
    bytes: u64,
    warned: bool,
    report: Unwrapped,
    /// How long reading took, apart from decompressing.
    source_span: Span,
    unwrap_span: Span,
}

/// The original dump.
pub(super) struct Original {
    pub(super) complete: Complete,
    pub(super) unwrapped: Unwrapped,
    /// Length and SHA-256, if they differ from those of the chunks' content.
    pub(super) differs: Option<(u64, Sha256)>,
}

impl<'a> ContentReader<'a> {
    pub(super) fn new(dump: DumpStream, wanted: bool, observer: &'a dyn Observer) -> Self {
        Self {
            dump,
            observer,
            unwrapper: wanted.then(Unwrapper::new),
            out: Vec::new(),
            given: 0,
            hash: sha2::Sha256::new(),
            bytes: 0,
            warned: false,
            report: Unwrapped::default(),
            source_span: tracing::debug_span!("source"),
            unwrap_span: tracing::debug_span!("unwrap"),
        }
    }

    /// Call after the last byte.
    pub(super) fn finish(self) -> Result<Original, Error> {
        let complete = self.dump.finish()?;
        let sha256 = Sha256::new(self.hash.finalize().into());
        let differs = (self.report.plan_len > 0).then_some((self.bytes, sha256));
        Ok(Original { complete, unwrapped: self.report, differs })
    }

    /// Produces more of the content; `false` at the end.
    fn more(&mut self) -> io::Result<bool> {
        let Some(mut unwrapper) = self.unwrapper.take() else { return Ok(false) };
        let mut step = [0; STEP];
        let read = self.source_span.in_scope(|| self.dump.read(&mut step))?;
        let bytes = step.get(..read).unwrap_or_default();
        self.out.clear();
        self.given = 0;
        let broken = |error: UnwrapError| Error::from(SourceError::Incomplete(error.text())).into_io();
        if read == 0 {
            self.report = unwrapper.finish(&mut self.out, &mut |_| {}).map_err(broken)?;
            return Ok(true);
        }
        self.hash.update(bytes);
        self.bytes += read as u64;
        self.observer.event(&Event::Read { bytes: read as u64 });
        let unwrapped = self.unwrap_span.in_scope(|| unwrapper.push(bytes, &mut self.out, &mut |_| {}));
        unwrapped.map_err(broken)?;
        if let Some(by) = unwrapper.other().filter(|_| !self.warned) {
            self.warned = true;
            self.observer.event(&Event::Warning(Warning::CompressedDump(by)));
        }
        self.unwrapper = Some(unwrapper);
        Ok(true)
    }
}

impl Read for ContentReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let ready = self.out.get(self.given..).unwrap_or_default();
            if !ready.is_empty() {
                let len = ready.len().min(buffer.len());
                let (Some(to), Some(from)) = (buffer.get_mut(..len), ready.get(..len)) else { return Ok(0) };
                to.copy_from_slice(from);
                self.given += len;
                return Ok(len);
            }
            if self.unwrapper.as_ref().is_none_or(Unwrapper::is_idle) && self.report.plan_len == 0 {
                let read = self.source_span.in_scope(|| self.dump.read(buffer))?;
                self.observer.event(&Event::Read { bytes: read as u64 });
                return Ok(read);
            }
            if !self.more()? {
                return Ok(0);
            }
        }
    }
}
