//! Processes one compressed stream: outputs its content and immediately recompresses it with all candidate parameters,
//! to compare the results with the input.

use flate2::{Decompress, FlushDecompress, Status};

use super::{
    deflate::Params,
    framing::Deframer,
    plan,
    rewrap::{Remaker, ZLIB_HEAD, ZLIB_TAIL},
};

/// Content held back until it is fairly certain that the stream can be reproduced, bytes.
const TRIAL: usize = 1 << 20;
/// After this much content one candidate is enough, bytes.
const DECIDED: u64 = 4 << 20;
/// Maximum input that could not be compared yet, bytes. A block has fewer than 200 KB.
const MAX_LAG: usize = 4 << 20;
/// Content taken from the decompressor at once, bytes.
const STEP: usize = 64 << 10;

/// Output for the unwrapped dump and its plan.
pub(super) struct Out<'a> {
    pub(super) bytes: &'a mut Vec<u8>,
    pub(super) plan: &'a mut plan::Writer,
    /// Receives the content of gzip streams.
    pub(super) content: &'a mut dyn FnMut(&[u8]),
}

impl Out<'_> {
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.plan.raw(bytes.len());
    }
}

/// The state of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    Ended,
    /// It cannot be decompressed.
    Broken,
}

/// Candidate parameters for the stream.
struct Candidate {
    remaker: Remaker,
    /// Output that has not been compared.
    made: Vec<u8>,
    /// Number of matching bytes.
    checked: u64,
    /// Bytes produced before the trailer: a truncated stream has none.
    without_tail: u64,
}

impl Candidate {
    fn new(mut remaker: Remaker, pieces: Option<u32>) -> Self {
        remaker.restart(pieces);
        Self { remaker, made: Vec::new(), checked: 0, without_tail: u64::MAX }
    }

    /// Compares with the input, which begins at `from`; `false`: it differs.
    fn check(&mut self, came: &[u8], from: u64) -> bool {
        let came = came.get((self.checked - from) as usize..).unwrap_or_default();
        let len = self.made.len().min(came.len());
        let same = if self.made[..len] == came[..len] {
            len
        } else {
            self.made.iter().zip(came).take_while(|(a, b)| a == b).count()
        };
        self.checked += same as u64;
        self.made.drain(..same);
        same == len
    }
}

enum At {
    Head(usize),
    Content,
    Tail(usize),
}

/// One compressed stream.
pub(super) struct Stream {
    inflate: Decompress,
    pieces: Option<(u32, Deframer)>,
    at: At,
    tail: Vec<u8>,
    step: Vec<u8>,
    candidates: Vec<Candidate>,
    /// Parameters to try if no candidate matches from the start.
    spare: Vec<Params>,
    /// The input from `came_from` on, as long as it may be needed.
    came: Vec<u8>,
    came_from: u64,
    /// The part of the unwrapped dump that is held back.
    held: Option<Vec<u8>>,
    plain: u64,
    content_ended: bool,
    crc: flate2::Crc,
}

impl Stream {
    /// A bare stream, or one in pieces of this length with zlib's header and trailer. `spare` is tried if none of the
    /// `ways` matches.
    pub(super) fn new(ways: Vec<Remaker>, spare: Vec<Params>, pieces: Option<u32>) -> Self {
        let candidates = ways.into_iter().map(|remaker| Candidate::new(remaker, pieces)).collect();
        Self {
            inflate: Decompress::new(false),
            pieces: pieces.map(|len| (len, Deframer::default())),
            at: if pieces.is_some() { At::Head(ZLIB_HEAD) } else { At::Content },
            tail: Vec::new(),
            step: vec![0; STEP],
            candidates,
            spare,
            came: Vec::new(),
            came_from: 0,
            held: Some(Vec::new()),
            plain: 0,
            content_ended: false,
            crc: flate2::Crc::new(),
        }
    }

    /// Checksum and length of the content, as in a gzip trailer.
    pub(super) fn sums(&self) -> (u32, u32) {
        (self.crc.sum(), self.crc.amount())
    }

    /// Bytes of content so far.
    pub(super) const fn plain(&self) -> u64 {
        self.plain
    }

    /// Consumes bytes; returns how many.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Out<'_>) -> (usize, Progress) {
        let mut taken = 0;
        let mut progress = Progress::More;
        while progress == Progress::More && taken < bytes.len() {
            let rest = &bytes[taken..];
            let (head, body) = match &mut self.pieces {
                None => (0, rest.len()),
                Some((_, deframer)) => match deframer.next(rest) {
                    Some(found) => found,
                    None => {
                        progress = Progress::Broken;
                        break;
                    }
                },
            };
            self.came_in(&rest[..head], out);
            taken += head;
            let (now, next) = self.body(&rest[head..head + body], out);
            if let Some((_, deframer)) = &mut self.pieces {
                deframer.took(now);
            }
            (taken, progress) = (taken + now, next);
        }
        self.compare(false, out);
        (taken, progress)
    }

    /// Consumes bytes of the stream proper; returns how many.
    fn body(&mut self, bytes: &[u8], out: &mut Out<'_>) -> (usize, Progress) {
        match self.at {
            At::Head(left) => {
                let head = &bytes[..left.min(bytes.len())];
                self.came_in(head, out);
                self.each_as_is(head);
                self.emit(head, out);
                self.at = if head.len() == left { At::Content } else { At::Head(left - head.len()) };
                (head.len(), Progress::More)
            }
            At::Content => {
                let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
                let mut step = std::mem::take(&mut self.step);
                let status = self.inflate.decompress(bytes, &mut step, FlushDecompress::None);
                let taken = (self.inflate.total_in() - before_in) as usize;
                let made = (self.inflate.total_out() - before_out) as usize;
                self.came_in(&bytes[..taken], out);
                self.content(&step[..made], out);
                self.step = step;
                match status {
                    Ok(Status::StreamEnd) => {
                        self.content_ended = true;
                        for candidate in &mut self.candidates {
                            candidate.remaker.end_plain(&mut candidate.made);
                            candidate.without_tail = candidate.checked + candidate.made.len() as u64;
                        }
                        if self.pieces.is_none() {
                            return (taken, Progress::Ended);
                        }
                        self.at = At::Tail(ZLIB_TAIL);
                        (taken, Progress::More)
                    }
                    // It neither consumes nor produces anything: the data is invalid.
                    Ok(_) if taken == 0 && made == 0 && !bytes.is_empty() => (0, Progress::Broken),
                    Ok(_) => (taken, Progress::More),
                    Err(_) => (taken, Progress::Broken),
                }
            }
            At::Tail(left) => {
                let tail = &bytes[..left.min(bytes.len())];
                self.came_in(tail, out);
                self.each_as_is(tail);
                self.tail.extend_from_slice(tail);
                self.at = At::Tail(left - tail.len());
                (tail.len(), if tail.len() == left { Progress::Ended } else { Progress::More })
            }
        }
    }

    fn came_in(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        if self.candidates.is_empty() {
            out.raw(bytes);
        } else {
            self.came.extend_from_slice(bytes);
        }
    }

    fn content(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        self.plain += bytes.len() as u64;
        if self.pieces.is_none() {
            self.crc.update(bytes);
            (out.content)(bytes);
        }
        if self.candidates.is_empty() {
            return;
        }
        self.emit(bytes, out);
        for candidate in &mut self.candidates {
            candidate.remaker.plain(bytes, &mut candidate.made);
        }
        self.compare(false, out);
    }

    fn emit(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        if self.candidates.is_empty() {
            return;
        }
        match &mut self.held {
            Some(held) => held.extend_from_slice(bytes),
            None => out.bytes.extend_from_slice(bytes),
        }
    }

    fn each_as_is(&mut self, bytes: &[u8]) {
        for candidate in &mut self.candidates {
            candidate.remaker.as_is(bytes, &mut candidate.made);
        }
    }

    /// Drops the candidates that differ; without any, the stream continues raw.
    fn compare(&mut self, ended: bool, out: &mut Out<'_>) {
        if self.candidates.is_empty() {
            return;
        }
        let mut best = self.drop_wrong(ended);
        if self.candidates.is_empty() && self.held.is_some() && !self.spare.is_empty() {
            self.try_spare(ended);
            best = self.drop_wrong(ended);
        }
        if self.candidates.is_empty() {
            if let Some(best) = best {
                self.give_up(&best, out);
            }
            return;
        }
        if self.plain >= DECIDED {
            self.candidates.truncate(1);
        }
        match &mut self.held {
            Some(held) if held.len() >= TRIAL => {
                out.bytes.append(held);
                self.held = None;
            }
            Some(_) => {}
            None if self.content_ended => {}
            None => {
                let needed = self.candidates.iter().map(|candidate| candidate.checked).min();
                let needed = needed.unwrap_or(self.came_from);
                self.came.drain(..(needed - self.came_from) as usize);
                self.came_from = needed;
            }
        }
    }

    /// Returns the dropped candidate that matched the longest.
    fn drop_wrong(&mut self, ended: bool) -> Option<Candidate> {
        let mut best: Option<Candidate> = None;
        let total = self.came_from + self.came.len() as u64;
        let lags = self.came.len() > MAX_LAG;
        let mut right = Vec::with_capacity(self.candidates.len());
        for mut candidate in self.candidates.drain(..) {
            let agrees = candidate.check(&self.came, self.came_from);
            let is_all = candidate.made.is_empty() && candidate.checked == total;
            if agrees && !lags && (is_all || !ended) {
                right.push(candidate);
            } else if best.as_ref().is_none_or(|best| best.checked < candidate.checked) {
                best = Some(candidate);
            }
        }
        self.candidates = right;
        best
    }

    /// All input is still available: runs it through other parameters, too.
    fn try_spare(&mut self, ended: bool) {
        let held = self.held.as_deref().unwrap_or_default();
        let pieces = self.pieces.as_ref().map(|(len, _)| *len);
        let head = if pieces.is_some() { ZLIB_HEAD.min(held.len()) } else { 0 };
        for params in self.spare.drain(..) {
            let mut candidate = Candidate::new(Remaker::new(params), pieces);
            let Candidate { remaker, made, without_tail, .. } = &mut candidate;
            remaker.as_is(&held[..head], made);
            remaker.plain(&held[head..], made);
            if self.content_ended {
                remaker.end_plain(made);
                *without_tail = made.len() as u64;
                remaker.as_is(&self.tail, made);
            }
            if ended {
                remaker.end(made);
            }
            self.candidates.push(candidate);
        }
    }

    /// No parameters reproduce this stream: the rest of it is stored raw.
    fn give_up(&mut self, best: &Candidate, out: &mut Out<'_>) {
        let came = std::mem::take(&mut self.came);
        if self.held.take().is_some() {
            return out.raw(&came);
        }
        let keep = best.checked.min(best.without_tail);
        out.plan.stream(plan::Stream {
            params: best.remaker.params(),
            pieces: self.pieces.as_ref().map(|(len, _)| *len),
            plain: self.plain,
            keep: Some(keep),
        });
        out.raw(&came[(keep - self.came_from) as usize..]);
    }

    /// Call after the stream's end: the parameters that reproduced it, in order; none if it stays as it is.
    pub(super) fn finish(mut self, out: &mut Out<'_>) -> Vec<Remaker> {
        for candidate in &mut self.candidates {
            candidate.remaker.end(&mut candidate.made);
        }
        self.compare(true, out);
        let Some(first) = self.candidates.first() else { return Vec::new() };
        let params = first.remaker.params();
        let tail = std::mem::take(&mut self.tail);
        self.emit(&tail, out);
        if let Some(mut held) = self.held.take() {
            out.bytes.append(&mut held);
        }
        let pieces = self.pieces.as_ref().map(|(len, _)| *len);
        out.plan.stream(plan::Stream { params, pieces, plain: self.plain, keep: None });
        self.candidates.into_iter().map(|candidate| candidate.remaker).collect()
    }

    /// The stream is truncated: it stays as it is.
    pub(super) fn abandon(mut self, out: &mut Out<'_>) {
        self.compare(false, out);
        let best = self.candidates.drain(..).max_by_key(|candidate| candidate.checked);
        if let Some(candidate) = best {
            self.give_up(&candidate, out);
        }
    }
}
