//! Streams in a `pg_dump -Fc` archive are split into pieces, each preceded by its length (`pg_backup_custom.c`).

use super::plan::MAX_PIECE;

/// A sign, and the length in four bytes, lowest first.
const HEAD_LEN: usize = 5;

/// Splits a stream into pieces.
#[derive(Debug, Default)]
pub(super) struct Framer {
    size: usize,
    piece: Vec<u8>,
}

impl Framer {
    pub(super) fn new(size: u32) -> Self {
        Self { size: size as usize, piece: Vec::new() }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            let take = bytes.len().min(self.size - self.piece.len());
            self.piece.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if self.piece.len() == self.size {
                self.finish(out);
            }
        }
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.piece.is_empty() {
            out.push(0);
            out.extend_from_slice(&(self.piece.len() as u32).to_le_bytes());
            out.append(&mut self.piece);
        }
    }
}

/// Removes the headers of the pieces.
#[derive(Debug, Default)]
pub(super) struct Deframer {
    head: Vec<u8>,
    left: usize,
}

impl Deframer {
    /// How many of the bytes continue the stream, and how many before them are a header. `None`: not a piece.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<(usize, usize)> {
        let mut head = 0;
        if self.left == 0 {
            head = bytes.len().min(HEAD_LEN - self.head.len());
            self.head.extend_from_slice(&bytes[..head]);
            if self.head.len() == HEAD_LEN {
                self.left = piece_len(&self.head)? as usize;
                self.head.clear();
            }
        }
        Some((head, self.left.min(bytes.len() - head)))
    }

    /// Records that bytes of the stream were consumed.
    pub(super) fn took(&mut self, len: usize) {
        self.left -= len;
    }
}

/// The length in a piece's header, bytes.
pub(super) fn piece_len(head: &[u8]) -> Option<u32> {
    let &[0, a, b, c, d] = head else { return None };
    Some(u32::from_le_bytes([a, b, c, d])).filter(|len| (1..=MAX_PIECE).contains(len))
}
