//! Collects literals and matches into blocks, and writes each block in the shortest of its three forms.

use super::{
    Maker, Params,
    trees::{
        DISTANCE_CODES, DISTANCE_EXTRA, LENGTH_EXTRA, LITERAL_CODES, Tables, Tree, build, distance_code,
        length_code, tables,
    },
};

const END_OF_BLOCK: usize = 256;
/// The order in which code lengths are written.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LENGTHS_EXTRA: [u8; 19] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 7];
const MAX_BITS: usize = 15;
const MAX_LENGTHS_BITS: usize = 7;

pub(super) struct Blocks {
    params: Params,
    tables: &'static Tables,
    /// Distance (0: a literal), and the literal or the length less three.
    symbols: Vec<(u16, u8)>,
    repeats: usize,
    literals: [u32; LITERAL_CODES],
    distances: [u32; DISTANCE_CODES],
    bits: u64,
    held: u32,
}

impl Blocks {
    pub(super) fn new(params: Params) -> Self {
        let mut new = Self {
            params,
            tables: tables(),
            symbols: Vec::with_capacity(params.maker.symbols()),
            repeats: 0,
            literals: [0; LITERAL_CODES],
            distances: [0; DISTANCE_CODES],
            bits: 0,
            held: 0,
        };
        new.begin();
        new
    }

    pub(super) fn reset(&mut self) {
        (self.bits, self.held) = (0, 0);
        self.begin();
    }

    fn begin(&mut self) {
        self.symbols.clear();
        self.repeats = 0;
        self.literals = [0; LITERAL_CODES];
        self.distances = [0; DISTANCE_CODES];
        self.literals[END_OF_BLOCK] = 1;
    }

    /// Records a literal; `true`: the block must end after it. `in_block`: bytes of the block before it.
    #[inline]
    pub(super) fn literal(&mut self, byte: u8, in_block: isize) -> bool {
        self.symbols.push((0, byte));
        self.literals[usize::from(byte)] += 1;
        self.is_full(in_block)
    }

    /// Records a match; otherwise like [`Blocks::literal`].
    #[inline]
    pub(super) fn repeat(&mut self, distance: usize, len: usize, in_block: isize) -> bool {
        let less = (len - 3) as u8;
        self.symbols.push((distance as u16, less));
        self.literals[END_OF_BLOCK + 1 + length_code(self.tables, less)] += 1;
        self.distances[distance_code(self.tables, distance)] += 1;
        self.repeats += 1;
        self.is_full(in_block)
    }

    fn is_full(&self, in_block: isize) -> bool {
        let count = self.symbols.len();
        if self.params.maker == Maker::GnuGzip && self.params.level > 2 && count & 0xfff == 0 {
            // Only gzip estimates whether a new block would now pay off (zlib has the same under TRUNCATE_BLOCK).
            let codes = self.distances.iter().zip(DISTANCE_EXTRA);
            let bits: u64 = codes.map(|(count, extra)| u64::from(*count) * (5 + u64::from(extra))).sum();
            let out = (count as u64 * 8 + bits) >> 3;
            if self.repeats < count / 2 && out < in_block.unsigned_abs() as u64 / 2 {
                return true;
            }
        }
        count == self.params.maker.symbols()
    }

    /// Writes the block. `stored`: its bytes, if they are still in the window; `len`: their number.
    pub(super) fn end(&mut self, stored: Option<&[u8]>, len: usize, last: bool, out: &mut Vec<u8>) {
        let literals = build(&self.literals, &LENGTH_EXTRA, END_OF_BLOCK + 1, MAX_BITS);
        let distances = build(&self.distances, &DISTANCE_EXTRA, 0, MAX_BITS);
        let mut counts = [0_u32; ORDER.len()];
        for tree in [&literals, &distances] {
            runs(tree, |code, _| counts[code] += 1);
        }
        let lengths = build(&counts, &LENGTHS_EXTRA, 0, MAX_LENGTHS_BITS);
        let mut written = ORDER.len();
        while written > 4 && lengths.lens[ORDER[written - 1]] == 0 {
            written -= 1;
        }
        let own = literals.cost + distances.cost + lengths.cost + 3 * written as u64 + 5 + 5 + 4;
        let common = literals.cost_with(&self.literals, &self.tables.literals)
            + distances.cost_with(&self.distances, &self.tables.distances);
        let (own, common) = ((own + 3 + 7) >> 3, (common + 3 + 7) >> 3);

        let form = |kind: u64| (kind << 1) | u64::from(last);
        match stored {
            Some(bytes) if len as u64 + 4 <= own.min(common) => {
                self.put(form(0), 3, out);
                self.align(out);
                let len = bytes.len() as u16;
                out.extend_from_slice(&len.to_le_bytes());
                out.extend_from_slice(&(!len).to_le_bytes());
                out.extend_from_slice(bytes);
            }
            _ if common <= own => {
                self.put(form(1), 3, out);
                let tables = self.tables;
                self.put_symbols(&tables.literals, &tables.distances, out);
            }
            _ => {
                self.put(form(2), 3, out);
                self.put(literals.count as u64 - 257, 5, out);
                self.put(distances.count as u64 - 1, 5, out);
                self.put(written as u64 - 4, 4, out);
                for code in &ORDER[..written] {
                    self.put(u64::from(lengths.lens[*code]), 3, out);
                }
                for tree in [&literals, &distances] {
                    runs(tree, |code, extra| {
                        self.put(u64::from(lengths.codes[code]), u32::from(lengths.lens[code]), out);
                        self.put(extra, u32::from(LENGTHS_EXTRA[code]), out);
                    });
                }
                self.put_symbols(&literals, &distances, out);
            }
        }
        if last {
            self.align(out);
        }
        self.begin();
    }

    fn put_symbols(&mut self, literals: &Tree, distances: &Tree, out: &mut Vec<u8>) {
        let tables = self.tables;
        let symbols = std::mem::take(&mut self.symbols);
        for &(distance, value) in &symbols {
            if distance == 0 {
                let code = usize::from(value);
                self.put(u64::from(literals.codes[code]), u32::from(literals.lens[code]), out);
                continue;
            }
            let code = length_code(tables, value);
            let symbol = END_OF_BLOCK + 1 + code;
            self.put(u64::from(literals.codes[symbol]), u32::from(literals.lens[symbol]), out);
            self.put(u64::from(value - tables.length_base[code]), u32::from(LENGTH_EXTRA[code]), out);
            let distance = usize::from(distance);
            let code = distance_code(tables, distance);
            self.put(u64::from(distances.codes[code]), u32::from(distances.lens[code]), out);
            let rest = distance - 1 - tables.distance_base[code];
            self.put(rest as u64, u32::from(DISTANCE_EXTRA[code]), out);
        }
        let end = END_OF_BLOCK;
        self.put(u64::from(literals.codes[end]), u32::from(literals.lens[end]), out);
        self.symbols = symbols;
    }

    /// Lowest bit first; at most 16 bits at once.
    #[inline]
    fn put(&mut self, value: u64, bits: u32, out: &mut Vec<u8>) {
        self.bits |= value << self.held;
        self.held += bits;
        if self.held >= 32 {
            out.extend_from_slice(&(self.bits as u32).to_le_bytes());
            self.bits >>= 32;
            self.held -= 32;
        }
    }

    /// Pads the last byte with zeros.
    fn align(&mut self, out: &mut Vec<u8>) {
        let bytes = self.held.div_ceil(8) as usize;
        out.extend_from_slice(&self.bits.to_le_bytes()[..bytes]);
        (self.bits, self.held) = (0, 0);
    }
}

/// The code lengths of a tree as runs: a code of the third tree, and its extra bits.
fn runs(tree: &Tree, mut emit: impl FnMut(usize, u64)) {
    let lens = &tree.lens[..tree.count];
    let (mut last, mut run) = (None::<u8>, 0_u64);
    for (index, len) in lens.iter().enumerate() {
        let next = lens.get(index + 1);
        run += 1;
        let (most, least) = match (*len, last == Some(*len)) {
            (0, _) => (138, 3),
            (_, true) => (6, 3),
            (_, false) => (7, 4),
        };
        if run < most && next == Some(len) {
            continue;
        }
        let code = usize::from(*len);
        if run < least {
            (0..run).for_each(|_| emit(code, 0));
        } else if code != 0 {
            if last != Some(*len) {
                emit(code, 0);
                run -= 1;
            }
            emit(16, run - 3);
        } else if run <= 10 {
            emit(17, run - 3);
        } else {
            emit(18, run - 11);
        }
        run = 0;
        last = Some(*len);
    }
}
