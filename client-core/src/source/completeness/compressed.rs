//! Compressed dumps: checks the compression's own end and checksums, and then the content. The decompressor runs on a
//! thread of its own, behind the dump's reader.

use std::{
    io::{self, BufRead, Read},
    sync::mpsc::{self, Receiver, SyncSender},
    thread::{self, JoinHandle},
};

use super::{
    Broken, CompletenessCheck, Format, Seen,
    members::{Joined, Lz4Frames},
};
use crate::text;

/// Pieces waiting for the thread.
const QUEUE: usize = 4;
/// Content processed at once, bytes.
const STEP: usize = 64 << 10;
/// Memory limit of an xz dictionary, KiB.
const XZ_MEMORY: u32 = 256 << 10;
/// Maximum nesting of compressions that are examined.
pub(super) const MAX_DEPTH: u8 = 3;

/// The result.
enum Verdict {
    Whole(Seen),
    /// Only other programs can decompress it.
    BeyondUs,
}

/// A decompressor, and the check for its output.
pub(super) struct Inside {
    format: Format,
    pieces: Option<SyncSender<Vec<u8>>>,
    thread: Option<JoinHandle<Result<Verdict, Broken>>>,
}

impl Inside {
    pub(super) fn new(format: Format, depth: u8) -> Self {
        let (pieces, inbox) = mpsc::sync_channel(QUEUE);
        let thread =
            thread::spawn(move || inspect(format, Pieces { inbox, piece: Vec::new(), at: 0 }, depth));
        Self { format, pieces: Some(pieces), thread: Some(thread) }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let Some(pieces) = &self.pieces else { return Ok(()) };
        if pieces.send(bytes.to_vec()).is_ok() {
            return Ok(());
        }
        // The thread ends early only if it has found something.
        self.pieces = None;
        self.join().map(drop)
    }

    pub(super) fn finish(&mut self) -> Result<Seen, Broken> {
        self.pieces = None;
        Ok(match self.join()? {
            Verdict::Whole(inside) => inside.within(self.format),
            Verdict::BeyondUs => Seen::new(self.format, false),
        })
    }

    fn join(&mut self) -> Result<Verdict, Broken> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(verdict)) => verdict,
            // The verdict was already taken.
            None => Ok(Verdict::BeyondUs),
            Some(Err(_)) => {
                Err(Broken(text!("{format}: it cannot be decompressed", format = self.format.as_str())))
            }
        }
    }
}

/// The pieces as one stream.
struct Pieces {
    inbox: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            let Ok(piece) = self.inbox.recv() else { return Ok(0) };
            (self.piece, self.at) = (piece, 0);
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        self.at += len;
        Ok(len)
    }
}

fn inspect(format: Format, pieces: Pieces, depth: u8) -> Result<Verdict, Broken> {
    let broken =
        |e: &io::Error| Broken(text!("{format}: {reason}", format = format.as_str(), reason = reason(e)));
    let mut pieces = io::BufReader::with_capacity(STEP, pieces);
    let mut content: Box<dyn Read + '_> = match format {
        Format::Gzip => Box::new(Joined::<_, flate2::bufread::GzDecoder<_>>::new(&mut pieces)),
        Format::Zstd => {
            Box::new(zstd::stream::read::Decoder::with_buffer(&mut pieces).map_err(|e| broken(&e))?)
        }
        Format::Lz4 => Box::new(Lz4Frames::new(&mut pieces)),
        Format::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(&mut pieces, true, XZ_MEMORY)),
        Format::Bzip2 => Box::new(Joined::<_, bzip2::bufread::BzDecoder<_>>::new(&mut pieces)),
        _ => return Ok(Verdict::BeyondUs),
    };
    let mut inside = CompletenessCheck::inside(depth + 1);
    let mut step = vec![0; STEP];
    loop {
        match content.read(&mut step) {
            Ok(0) => break,
            Ok(len) => inside.feed(step.get(..len).unwrap_or_default())?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if is_beyond_us(&e) => {
                drop(content);
                // The rest is not examined.
                io::copy(&mut pieces, &mut io::sink()).map_err(|e| broken(&e))?;
                return Ok(Verdict::BeyondUs);
            }
            Err(e) => return Err(broken(&e)),
        }
    }
    drop(content);
    let mut seen = inside.finish()?;
    // Zeros pad a tape's last block. The programs ignore any other bytes, and their meaning is unknown.
    loop {
        let bytes = pieces.fill_buf().map_err(|e| broken(&e))?;
        if bytes.is_empty() {
            return Ok(Verdict::Whole(seen));
        }
        seen.verified = seen.verified && bytes.iter().all(|byte| *byte == 0);
        let len = bytes.len();
        pieces.consume(len);
    }
}

/// A large window, an external dictionary, a filter for another architecture.
fn is_beyond_us(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::OutOfMemory | io::ErrorKind::Unsupported)
        || ["requires too much memory", "Dictionary mismatch", "DictionaryNotSupported"]
            .iter()
            .any(|what| error.to_string().contains(what))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
        _ => format!("it is damaged or cut off ({error})"),
    }
}
