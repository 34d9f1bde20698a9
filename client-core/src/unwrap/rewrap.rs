//! Reproduces a dump from its content.

use super::{
    UnwrapError,
    deflate::{Deflater, Params},
    framing::Framer,
    plan::{Item, Reader, Stream},
};

/// Length of a zlib header (RFC 1950).
pub(super) const ZLIB_HEAD: usize = 2;
pub(super) const ZLIB_TAIL: usize = 4;
/// Content compressed at once, bytes: bounds memory for a stream of nothing but zeros.
const STEP: usize = 64 << 10;

/// Produces one stream after another, framed in pieces or not.
pub(super) struct Remaker {
    deflater: Deflater,
    framer: Option<Framer>,
    made: Vec<u8>,
}

impl Remaker {
    pub(super) fn new(params: Params) -> Self {
        Self { deflater: Deflater::new(params), framer: None, made: Vec::new() }
    }

    pub(super) const fn params(&self) -> Params {
        self.deflater.params()
    }

    /// Starts another stream.
    pub(super) fn restart(&mut self, pieces: Option<u32>) {
        self.deflater.reset();
        self.framer = pieces.map(Framer::new);
    }

    /// Compresses content.
    pub(super) fn plain(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match &mut self.framer {
            None => self.deflater.push(bytes, out),
            Some(framer) => {
                self.deflater.push(bytes, &mut self.made);
                framer.push(&self.made, out);
                self.made.clear();
            }
        }
    }

    /// Copies a header or trailer unchanged.
    pub(super) fn as_is(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match &mut self.framer {
            None => out.extend_from_slice(bytes),
            Some(framer) => framer.push(bytes, out),
        }
    }

    /// Call after the last byte of content.
    pub(super) fn end_plain(&mut self, out: &mut Vec<u8>) {
        match &mut self.framer {
            None => self.deflater.finish(out),
            Some(framer) => {
                self.deflater.finish(&mut self.made);
                framer.push(&self.made, out);
                self.made.clear();
            }
        }
    }

    /// Call after the trailer.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        if let Some(framer) = &mut self.framer {
            framer.finish(out);
        }
    }
}

enum At {
    /// Between two items.
    Item,
    Raw(u64),
    Head(Stream, usize),
    Plain(Stream, u64),
    Tail(Stream, usize),
    End,
}

/// Reproduces a dump from its content, given in order.
pub struct Rewrapper {
    plan: Reader,
    at: At,
    remaker: Option<Remaker>,
    made: Vec<u8>,
    /// Bytes of the stream that may still be output.
    keep: u64,
}

impl Rewrapper {
    /// Starts at the dump's first byte.
    ///
    /// # Errors
    /// [`UnwrapError`]: the plan is invalid.
    pub fn new(plan: Vec<u8>) -> Result<Self, UnwrapError> {
        let plan = Reader::new(plan)?;
        Ok(Self { plan, at: At::Item, remaker: None, made: Vec::new(), keep: 0 })
    }

    /// Takes the next bytes; appends what they produce to `out`.
    ///
    /// # Errors
    /// [`UnwrapError`]: the plan is damaged, or is for fewer bytes.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), UnwrapError> {
        loop {
            let len = bytes.len();
            let of_rest = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(len);
            let take = match &self.at {
                At::Item | At::End => 0,
                At::Raw(left) => of_rest(*left),
                At::Plain(_, left) => of_rest(*left).min(STEP),
                At::Head(_, left) | At::Tail(_, left) => len.min(*left),
            };
            let (now, rest) = bytes.split_at(take);
            bytes = rest;
            if self.step(now, out)? && (bytes.is_empty() || matches!(self.at, At::End)) {
                break;
            }
        }
        if bytes.is_empty() { Ok(()) } else { Err(UnwrapError("more bytes than its plan says")) }
    }

    /// Call after the last byte.
    ///
    /// # Errors
    /// [`UnwrapError`]: the plan is for more bytes.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), UnwrapError> {
        self.push(&[], out)?;
        if matches!(self.at, At::End) { Ok(()) } else { Err(UnwrapError("fewer bytes than its plan says")) }
    }

    /// Consumes up to as many bytes as the current part needs; `true`: it needs more, or is at the end.
    fn step(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<bool, UnwrapError> {
        let taken = bytes.len();
        match (&mut self.at, &mut self.remaker) {
            (At::Item, _) => {
                self.at = match self.plan.next_item()? {
                    None => At::End,
                    Some(Item::Raw { len }) => At::Raw(len),
                    Some(Item::Stream(stream)) => self.begin(stream),
                };
                return Ok(matches!(self.at, At::End));
            }
            (At::Raw(left), _) => {
                out.extend_from_slice(bytes);
                *left -= taken as u64;
                if *left == 0 {
                    self.at = At::Item;
                    return Ok(false);
                }
            }
            (At::Head(stream, left), Some(remaker)) => {
                remaker.as_is(bytes, &mut self.made);
                *left -= taken;
                if *left == 0 {
                    self.at = At::Plain(*stream, stream.plain);
                    return Ok(false);
                }
            }
            (At::Plain(stream, left), Some(remaker)) => {
                remaker.plain(bytes, &mut self.made);
                *left -= taken as u64;
                let (stream, ended) = (*stream, *left == 0);
                if ended {
                    remaker.end_plain(&mut self.made);
                    let tail = if stream.pieces.is_some() && stream.keep.is_none() { ZLIB_TAIL } else { 0 };
                    self.at = At::Tail(stream, tail);
                }
                self.let_out(out);
                return Ok(!ended);
            }
            (At::Tail(stream, left), Some(remaker)) => {
                remaker.as_is(bytes, &mut self.made);
                *left -= taken;
                if *left == 0 {
                    remaker.end(&mut self.made);
                    let short = stream.keep.is_some();
                    self.at = At::Item;
                    self.let_out(out);
                    if short && self.keep > 0 {
                        return Err(UnwrapError("its plan keeps more of a stream than there is"));
                    }
                    return Ok(false);
                }
            }
            (At::End, _) | (_, None) => {}
        }
        Ok(true)
    }

    fn begin(&mut self, stream: Stream) -> At {
        match &mut self.remaker {
            Some(remaker) if remaker.params() == stream.params => {}
            other => *other = Some(Remaker::new(stream.params)),
        }
        if let Some(remaker) = &mut self.remaker {
            remaker.restart(stream.pieces);
        }
        self.keep = stream.keep.unwrap_or(u64::MAX);
        if stream.pieces.is_some() { At::Head(stream, ZLIB_HEAD) } else { At::Plain(stream, stream.plain) }
    }

    /// Passes on output up to the limit.
    fn let_out(&mut self, out: &mut Vec<u8>) {
        let len = usize::try_from(self.keep).unwrap_or(usize::MAX).min(self.made.len());
        out.extend_from_slice(&self.made[..len]);
        self.keep -= len as u64;
        self.made.clear();
    }
}
