//! Decompresses a dump on its way: gzip and zstd, even nested.

use std::io::Write;

use flate2::write::MultiGzDecoder;
use zstd::stream::write::Decoder;

use crate::{source::SourceError, text};

/// Largest window of a nested zstd stream, log 2 of bytes: 8 MiB, as used by `zstd -19`. The outermost may use 128
/// MiB, as `zstd --long` does.
const WINDOW_INSIDE: u32 = 23;
const WINDOW: u32 = 27;
/// Bytes that identify a compression.
const MAGIC: usize = 4;
/// Maximum nesting of compressions.
const MAX_DEPTH: u8 = 3;

/// Takes a dump's bytes and yields their content.
pub(super) struct Unpack {
    kind: Kind,
    depth: u8,
}

enum Kind {
    /// The first bytes have not arrived yet.
    Unknown(Vec<u8>),
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>, Box<Unpack>),
    Zstd(Box<Decoder<'static, Vec<u8>>>, Box<Unpack>),
}

impl Unpack {
    pub(super) const fn new() -> Self {
        Self::inside(0)
    }

    const fn inside(depth: u8) -> Self {
        Self { kind: Kind::Unknown(Vec::new()), depth }
    }

    /// Decompresses the next bytes into `take`.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        take: &mut dyn FnMut(&[u8]) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        match &mut self.kind {
            Kind::Plain => take(bytes),
            Kind::Unknown(head) => {
                head.extend_from_slice(bytes);
                if head.len() < MAGIC {
                    return Ok(());
                }
                let head = std::mem::take(head);
                self.recognize(&head)?;
                self.push(&head, take)
            }
            Kind::Gzip(decoder, inner) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    rest = step(decoder.as_mut(), rest).map_err(|error| broken("gzip", &error))?;
                    let content = std::mem::take(decoder.get_mut());
                    inner.push(&content, take)?;
                }
                Ok(())
            }
            Kind::Zstd(decoder, inner) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    rest = step(decoder.as_mut(), rest).map_err(|error| broken("zstd", &error))?;
                    let content = std::mem::take(decoder.get_mut());
                    inner.push(&content, take)?;
                }
                Ok(())
            }
        }
    }

    /// Call after the last byte.
    pub(super) fn finish(
        &mut self,
        take: &mut dyn FnMut(&[u8]) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        match &mut self.kind {
            Kind::Plain => Ok(()),
            Kind::Unknown(head) => take(head),
            Kind::Gzip(decoder, inner) => {
                decoder.try_finish().map_err(|error| broken("gzip", &error))?;
                let content = std::mem::take(decoder.get_mut());
                inner.push(&content, take)?;
                inner.finish(take)
            }
            Kind::Zstd(decoder, inner) => {
                decoder.flush().map_err(|error| broken("zstd", &error))?;
                let content = std::mem::take(decoder.get_mut());
                inner.push(&content, take)?;
                inner.finish(take)
            }
        }
    }

    fn recognize(&mut self, head: &[u8]) -> Result<(), SourceError> {
        let deeper = || Box::new(Self::inside(self.depth + 1));
        self.kind = match head {
            [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] if self.depth >= MAX_DEPTH => {
                return Err(SourceError::NotRestorable(text!("it is compressed too often")));
            }
            [0x1f, 0x8b, ..] => Kind::Gzip(Box::new(MultiGzDecoder::new(Vec::new())), deeper()),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                let window = if self.depth == 0 { WINDOW } else { WINDOW_INSIDE };
                let decoder = Decoder::new(Vec::new())
                    .and_then(|mut decoder| decoder.window_log_max(window).map(|()| decoder))
                    .map_err(|error| broken("zstd", &error))?;
                Kind::Zstd(Box::new(decoder), deeper())
            }
            [0xfd, b'7', b'z', b'X', ..] => return Err(foreign("xz", "xz")),
            [b'B', b'Z', b'h', ..] => return Err(foreign("bzip2", "bzip2")),
            [0x04, 0x22, 0x4d, 0x18, ..] => return Err(foreign("lz4", "lz4")),
            _ => Kind::Plain,
        };
        Ok(())
    }
}

/// Decompresses the first bytes and returns the rest. A call of `write` fills the decoder's own buffer at most a few
/// times (a zstd block is at most 128 KiB), whereas `write_all` would hold everything that a crafted stream
/// decompresses to.
fn step<'a>(decoder: &mut impl Write, bytes: &'a [u8]) -> std::io::Result<&'a [u8]> {
    match decoder.write(bytes)? {
        0 => Err(std::io::ErrorKind::WriteZero.into()),
        taken => Ok(&bytes[taken..]),
    }
}

fn foreign(name: &str, program: &str) -> SourceError {
    SourceError::NotRestorable(text!(
        "it is compressed by {name}, which is not unpacked here; `{program} -d` unpacks the file that --to makes, for psql or pg_restore",
        name,
        program
    ))
}

fn broken(name: &str, error: &std::io::Error) -> SourceError {
    SourceError::Incomplete(text!("its {name} stream cannot be unpacked to the end: {error}", name, error))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Memory use does not depend on how much a stream decompresses to.
    #[test]
    fn a_crafted_stream_is_unpacked_piece_by_piece() {
        let zeros = vec![0; 64 << 20];
        let zstd = zstd::encode_all(zeros.as_slice(), 19).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&zeros).unwrap();
        let gzip = gzip.finish().unwrap();
        let both = zstd::encode_all(gzip.as_slice(), 3).unwrap();
        for dump in [zstd, gzip, both] {
            let (mut len, mut most) = (0, 0);
            let mut take = |bytes: &[u8]| {
                (len, most) = (len + bytes.len(), most.max(bytes.len()));
                Ok(())
            };
            let mut unpack = Unpack::new();
            unpack.push(&dump, &mut take).unwrap();
            unpack.finish(&mut take).unwrap();
            assert_eq!(len, zeros.len());
            assert!(most <= 1 << 18, "{most}");
        }
    }
}
