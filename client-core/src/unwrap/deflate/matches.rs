//! Finds repetitions with hash chains over a sliding window, as in `deflate.c`.

use super::{EFFORTS, Effort, Maker, Params, blocks::Blocks};

/// Maximum distance, bytes.
const WINDOW: usize = 1 << 15;
const MASK: usize = WINDOW - 1;
const MIN_MATCH: usize = 3;
const MAX_MATCH: usize = 258;
/// Bytes of lookahead needed before the next one is decided.
const AHEAD: usize = MAX_MATCH + MIN_MATCH + 1;
const MAX_DISTANCE: usize = WINDOW - AHEAD;
/// A match of three bytes is not worth a distance above this.
const TOO_FAR: usize = 4096;
/// Two windows, and room for a match that reads past their end.
const BUFFER: usize = 2 * WINDOW + MAX_MATCH + 8;
/// Levels up to this take the first match they find.
const FAST_LEVELS: u8 = 3;

pub(super) struct Matches {
    effort: Effort,
    maker: Maker,
    fast: bool,
    hash_shift: u32,
    hash_mask: usize,
    window: Box<[u8]>,
    /// Newest position of each hash; 0: none.
    head: Box<[u16]>,
    /// The previous position with the same hash.
    before: Box<[u16]>,
    /// Position of the next byte to decide.
    at: usize,
    /// Number of bytes from there on.
    ahead: usize,
    /// Start of the block; negative once the window has slid past it.
    block: isize,
    match_at: usize,
    match_len: usize,
    /// Whether a literal is pending until the next position has been searched for a longer match.
    waiting: bool,
}

impl Matches {
    pub(super) fn new(params: Params) -> Self {
        let level = params.level.clamp(1, 9);
        let bits = params.maker.hash_bits();
        Self {
            effort: EFFORTS[usize::from(level) - 1],
            maker: params.maker,
            fast: level <= FAST_LEVELS,
            hash_shift: bits.div_ceil(MIN_MATCH as u32),
            hash_mask: (1 << bits) - 1,
            window: vec![0; BUFFER].into(),
            head: vec![0; 1 << 16].into(),
            before: vec![0; WINDOW].into(),
            at: 0,
            ahead: 0,
            block: 0,
            match_at: 0,
            match_len: MIN_MATCH - 1,
            waiting: false,
        }
    }

    pub(super) fn reset(&mut self) {
        self.head.fill(0);
        if self.maker == Maker::GnuGzip {
            // Its search reads past the end of the data: into zeros at first.
            self.window.fill(0);
        }
        (self.at, self.ahead, self.block) = (0, 0, 0);
        (self.match_at, self.match_len, self.waiting) = (0, MIN_MATCH - 1, false);
    }

    pub(super) fn push(&mut self, mut bytes: &[u8], blocks: &mut Blocks, out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            let taken = self.fill(bytes);
            bytes = &bytes[taken..];
            self.decide(AHEAD, blocks, out);
        }
    }

    pub(super) fn finish(&mut self, blocks: &mut Blocks, out: &mut Vec<u8>) {
        self.slide();
        // gzip's search may read past the end of the data, into zeros first.
        let end = self.at + self.ahead;
        self.window[end..end + MIN_MATCH - 1].fill(0);
        self.decide(1, blocks, out);
        if self.waiting {
            blocks.literal(self.window[self.at - 1], self.at as isize - self.block);
        }
        self.end_block(blocks, true, out);
    }

    /// Copies bytes into the window; returns how many.
    fn fill(&mut self, bytes: &[u8]) -> usize {
        self.slide();
        let end = self.at + self.ahead;
        let taken = bytes.len().min(2 * WINDOW - end);
        self.window[end..end + taken].copy_from_slice(&bytes[..taken]);
        self.ahead += taken;
        taken
    }

    /// Makes room once the upper window is used up.
    fn slide(&mut self) {
        if self.at >= WINDOW + MAX_DISTANCE {
            self.window.copy_within(WINDOW..2 * WINDOW, 0);
            self.at -= WINDOW;
            self.match_at = self.match_at.wrapping_sub(WINDOW);
            self.block -= WINDOW as isize;
            for place in self.head.iter_mut().chain(self.before.iter_mut()) {
                *place = place.saturating_sub(WINDOW as u16);
            }
        }
    }

    /// At the end of the data zlib continues to slide, gzip stops searching.
    fn before_byte(&mut self) {
        if self.ahead < AHEAD && self.maker != Maker::GnuGzip {
            self.slide();
        }
    }

    /// The previous position with the same three bytes, if it is close enough. Records `at`.
    fn candidate(&mut self) -> Option<usize> {
        if self.ahead < MIN_MATCH {
            return None;
        }
        let place = self.remember(self.at);
        (place != 0 && self.at - place <= MAX_DISTANCE && self.at <= 2 * WINDOW - AHEAD).then_some(place)
    }

    fn decide(&mut self, ahead: usize, blocks: &mut Blocks, out: &mut Vec<u8>) {
        if self.fast { self.decide_fast(ahead, blocks, out) } else { self.decide_lazily(ahead, blocks, out) }
    }

    /// Takes every match at once.
    fn decide_fast(&mut self, ahead: usize, blocks: &mut Blocks, out: &mut Vec<u8>) {
        while self.ahead >= ahead {
            self.before_byte();
            let candidate = self.candidate();
            let len = candidate.map_or(0, |place| self.longest(place, MIN_MATCH - 1).min(self.ahead));
            let in_block = self.at as isize - self.block;
            let full = if len >= MIN_MATCH {
                let full = blocks.repeat(self.at - self.match_at, len, in_block);
                self.ahead -= len;
                if len <= self.effort.lazy && self.ahead >= MIN_MATCH {
                    for place in self.at + 1..self.at + len {
                        self.remember(place);
                    }
                }
                self.at += len;
                full
            } else {
                let full = blocks.literal(self.window[self.at], in_block);
                self.ahead -= 1;
                self.at += 1;
                full
            };
            if full {
                self.end_block(blocks, false, out);
            }
        }
    }

    /// Takes a match only if the next position has no longer one.
    fn decide_lazily(&mut self, ahead: usize, blocks: &mut Blocks, out: &mut Vec<u8>) {
        while self.ahead >= ahead {
            self.before_byte();
            let candidate = self.candidate();
            let (last_len, last_at) = (self.match_len, self.match_at);
            self.match_len = MIN_MATCH - 1;
            if let Some(place) = candidate.filter(|_| last_len < self.effort.lazy) {
                self.match_len = self.longest(place, last_len).min(self.ahead);
                if self.match_len == MIN_MATCH && self.at.wrapping_sub(self.match_at) > TOO_FAR {
                    self.match_len = MIN_MATCH - 1;
                }
            }
            let in_block = self.at as isize - self.block;
            if last_len >= MIN_MATCH && self.match_len <= last_len {
                let full = blocks.repeat((self.at - 1).wrapping_sub(last_at), last_len, in_block);
                // The last position with three bytes before the end.
                let last_place = (self.at + self.ahead).saturating_sub(MIN_MATCH);
                for place in self.at + 1..=(self.at + last_len - 2).min(last_place) {
                    self.remember(place);
                }
                self.ahead -= last_len - 1;
                self.at += last_len - 1;
                self.waiting = false;
                self.match_len = MIN_MATCH - 1;
                if full {
                    self.end_block(blocks, false, out);
                }
            } else {
                if self.waiting && blocks.literal(self.window[self.at - 1], in_block) {
                    self.end_block(blocks, false, out);
                }
                self.waiting = true;
                self.at += 1;
                self.ahead -= 1;
            }
        }
    }

    fn end_block(&mut self, blocks: &mut Blocks, last: bool, out: &mut Vec<u8>) {
        let stored = usize::try_from(self.block).ok().map(|from| &self.window[from..self.at]);
        let len = (self.at as isize - self.block).unsigned_abs();
        blocks.end(stored, len, last, out);
        self.block = self.at as isize;
    }

    /// Records a position under the hash of its three bytes; returns the one recorded before, 0: none.
    #[inline]
    fn remember(&mut self, place: usize) -> usize {
        let mut hash = 0;
        for byte in &self.window[place..place + MIN_MATCH] {
            hash = ((hash << self.hash_shift) ^ usize::from(*byte)) & self.hash_mask;
        }
        let last = std::mem::replace(&mut self.head[hash], place as u16);
        self.before[place & MASK] = last;
        usize::from(last)
    }

    /// The longest match of more than `best` bytes, starting with the nearest candidate; sets `match_at`.
    fn longest(&mut self, mut candidate: usize, mut best: usize) -> usize {
        let mut chain = self.effort.chain;
        if best >= self.effort.good {
            chain >>= 2;
        }
        let clipped = self.maker != Maker::GnuGzip;
        let nice = if clipped { self.effort.nice.min(self.ahead) } else { self.effort.nice };
        let limit = self.at.saturating_sub(MAX_DISTANCE);
        let window = &*self.window;
        let Some(scan) = window[self.at..].first_chunk::<MAX_MATCH>() else { return best };
        let mut end = [scan[best - 1], scan[best]];
        loop {
            let Some(found) = window[candidate..].first_chunk::<MAX_MATCH>() else { return best };
            if [found[best - 1], found[best]] == end && found[..2] == scan[..2] {
                let len = common(scan, found);
                if len > best {
                    self.match_at = candidate;
                    best = len;
                    if len >= nice {
                        break;
                    }
                    end = [scan[best - 1], scan[best]];
                }
            }
            candidate = usize::from(self.before[candidate & MASK]);
            chain -= 1;
            if candidate <= limit || chain == 0 {
                break;
            }
        }
        best
    }
}

/// Number of leading bytes that two positions have in common.
#[inline]
fn common(one: &[u8; MAX_MATCH], other: &[u8; MAX_MATCH]) -> usize {
    let words = one.chunks_exact(8).zip(other.chunks_exact(8));
    for (index, (one, other)) in words.enumerate() {
        if let (Ok(one), Ok(other)) = (<[u8; 8]>::try_from(one), <[u8; 8]>::try_from(other)) {
            let differ = u64::from_le_bytes(one) ^ u64::from_le_bytes(other);
            if differ != 0 {
                return index * 8 + differ.trailing_zeros() as usize / 8;
            }
        }
    }
    let words = MAX_MATCH / 8 * 8;
    words + one[words..].iter().zip(&other[words..]).take_while(|(a, b)| a == b).count()
}
