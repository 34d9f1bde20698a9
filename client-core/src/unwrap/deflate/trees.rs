//! Huffman codes, built as in `trees.c`: ties are broken by depth, then by position in the heap.

use std::sync::OnceLock;

pub(super) const LITERAL_CODES: usize = 286;
pub(super) const DISTANCE_CODES: usize = 30;
pub(super) const LENGTH_EXTRA: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
pub(super) const DISTANCE_EXTRA: [u8; DISTANCE_CODES] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
/// Maximum length of a code.
const MAX_BITS: usize = 15;
/// Codes of the fixed literal tree, of which the last two never occur.
const FIXED_LITERALS: usize = 288;

/// One code for a block.
pub(super) struct Tree {
    /// Number of symbols up to the last that occurs.
    pub(super) count: usize,
    pub(super) lens: Vec<u8>,
    /// In reversed bit order.
    pub(super) codes: Vec<u16>,
    /// Size in bits of the block's symbols with this code, including extra bits.
    pub(super) cost: u64,
    /// Extra bits in it.
    extra: u64,
}

impl Tree {
    /// What the same symbols would cost with another code.
    pub(super) fn cost_with(&self, counts: &[u32], other: &Self) -> u64 {
        let bits = counts.iter().zip(&other.lens).map(|(n, len)| u64::from(*n) * u64::from(*len));
        bits.sum::<u64>() + self.extra
    }

    fn fixed(lens: Vec<u8>) -> Self {
        let codes = assign(&lens);
        Self { count: lens.len(), lens, codes, cost: 0, extra: 0 }
    }
}

/// Constant tables, the same for every stream.
pub(super) struct Tables {
    pub(super) literals: Tree,
    pub(super) distances: Tree,
    /// Index: length less three.
    length_codes: [u8; 256],
    pub(super) length_base: [u8; 29],
    pub(super) distance_base: [usize; DISTANCE_CODES],
    /// Index: distance less one if below 256, else derived from its higher byte.
    distance_codes: [u8; 512],
}

pub(super) fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let lens = (0..FIXED_LITERALS).map(|symbol| match symbol {
            0..=143 => 8,
            144..=255 => 9,
            256..=279 => 7,
            _ => 8,
        });
        let mut tables = Tables {
            literals: Tree::fixed(lens.collect()),
            distances: Tree::fixed(vec![5; DISTANCE_CODES]),
            length_codes: [0; 256],
            length_base: [0; 29],
            distance_base: [0; DISTANCE_CODES],
            distance_codes: [0; 512],
        };
        let mut base = 0;
        for (code, extra) in LENGTH_EXTRA[..28].iter().enumerate() {
            tables.length_base[code] = base as u8;
            let next = base + (1_usize << extra);
            tables.length_codes[base..next.min(256)].fill(code as u8);
            base = next;
        }
        // The longest match has a code of its own.
        (tables.length_base[28], tables.length_codes[255]) = (255, 28);
        let mut base = 0;
        for (code, extra) in DISTANCE_EXTRA.iter().enumerate() {
            tables.distance_base[code] = base;
            let next = base + (1_usize << extra);
            let (from, to) = if base < 256 { (base, next) } else { (256 + (base >> 7), 256 + (next >> 7)) };
            tables.distance_codes[from..to].fill(code as u8);
            base = next;
        }
        tables
    })
}

#[inline]
pub(super) fn length_code(tables: &Tables, less_three: u8) -> usize {
    usize::from(tables.length_codes[usize::from(less_three)])
}

#[inline]
pub(super) fn distance_code(tables: &Tables, distance: usize) -> usize {
    let less = distance - 1;
    usize::from(tables.distance_codes[if less < 256 { less } else { 256 + (less >> 7) }])
}

/// Builds the code for symbols with these frequencies; symbols from `extra_from` on have extra bits.
pub(super) fn build(counts: &[u32], extra: &[u8], extra_from: usize, max_bits: usize) -> Tree {
    let mut heap = Heap::of(counts);
    let count = heap.last.unsigned_abs() as usize + 1;
    heap.merge(counts.len());
    let lens = heap.lengths(count, counts.len(), max_bits);
    let extra_of = |symbol: usize| symbol.checked_sub(extra_from).and_then(|i| extra.get(i)).copied();
    let (mut cost, mut extras) = (0, 0);
    for (symbol, occurs) in counts.iter().enumerate() {
        extras += u64::from(*occurs) * u64::from(extra_of(symbol).unwrap_or(0));
        cost += u64::from(*occurs) * u64::from(lens[symbol]);
    }
    Tree { count, codes: assign(&lens), lens, cost: cost + extras, extra: extras }
}

/// Assigns the codes for these lengths (RFC 1951, section 3.2.2), in reversed bit order.
fn assign(lens: &[u8]) -> Vec<u16> {
    let mut next = [0_u16; MAX_BITS + 2];
    for len in lens.iter().filter(|len| **len > 0) {
        next[usize::from(*len) + 1] += 1;
    }
    for bits in 1..next.len() {
        next[bits] = (next[bits] + next[bits - 1]) << 1;
    }
    let code = |len: &u8| {
        if *len == 0 {
            return 0;
        }
        let code = &mut next[usize::from(*len)];
        *code += 1;
        (*code - 1).reverse_bits() >> (16 - u32::from(*len))
    };
    lens.iter().map(code).collect()
}

/// The lightest node is on top.
struct Heap {
    /// Indexed from 1.
    nodes: Vec<usize>,
    weights: Vec<u32>,
    depths: Vec<u8>,
    parents: Vec<usize>,
    /// Nodes in the order in which they were removed, the root last.
    left: Vec<usize>,
    /// The last symbol with a code.
    last: i32,
}

impl Heap {
    /// At least two symbols get a code, because some old decoder needed it.
    fn of(counts: &[u32]) -> Self {
        let size = 2 * counts.len();
        let mut heap = Self {
            nodes: vec![0],
            weights: counts.to_vec(),
            depths: vec![0; size],
            parents: vec![0; size],
            left: Vec::with_capacity(size),
            last: -1,
        };
        heap.weights.resize(size, 0);
        for (symbol, _) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            heap.nodes.push(symbol);
            heap.last = symbol as i32;
        }
        while heap.nodes.len() < 3 {
            let mut symbol = 0;
            if heap.last < 2 {
                heap.last += 1;
                symbol = heap.last.unsigned_abs() as usize;
            }
            heap.weights[symbol] = 1;
            heap.nodes.push(symbol);
        }
        for place in (1..=(heap.nodes.len() - 1) / 2).rev() {
            heap.sink(place);
        }
        heap
    }

    fn lighter(&self, one: usize, other: usize) -> bool {
        (self.weights[one], self.depths[one]) <= (self.weights[other], self.depths[other])
    }

    fn sink(&mut self, mut place: usize) {
        let (node, last) = (self.nodes[place], self.nodes.len() - 1);
        let mut child = 2 * place;
        while child <= last {
            if child < last && self.lighter(self.nodes[child + 1], self.nodes[child]) {
                child += 1;
            }
            if self.lighter(node, self.nodes[child]) {
                break;
            }
            self.nodes[place] = self.nodes[child];
            place = child;
            child *= 2;
        }
        self.nodes[place] = node;
    }

    /// Joins the two lightest nodes until one is left; new nodes are numbered from `node` on.
    fn merge(&mut self, mut node: usize) {
        while self.nodes.len() > 2 {
            let one = self.nodes.swap_remove(1);
            self.sink(1);
            let other = self.nodes[1];
            self.left.extend([one, other]);
            self.weights[node] = self.weights[one] + self.weights[other];
            self.depths[node] = self.depths[one].max(self.depths[other]) + 1;
            (self.parents[one], self.parents[other]) = (node, node);
            self.nodes[1] = node;
            self.sink(1);
            node += 1;
        }
        self.left.push(self.nodes[1]);
    }

    /// Lengths of the codes, none above `max_bits`: nodes that are too deep swap places with others.
    fn lengths(&self, count: usize, symbols: usize, max_bits: usize) -> Vec<u8> {
        let mut lens = vec![0_u8; self.parents.len()];
        let mut of_length = [0_usize; MAX_BITS + 1];
        let mut too_deep = 0_i64;
        for node in self.left.iter().rev().skip(1) {
            let mut bits = usize::from(lens[self.parents[*node]]) + 1;
            if bits > max_bits {
                bits = max_bits;
                too_deep += 1;
            }
            lens[*node] = bits as u8;
            if *node < count {
                of_length[bits] += 1;
            }
        }
        if too_deep > 0 {
            while too_deep > 0 {
                let bits = (1..max_bits).rev().find(|bits| of_length[*bits] > 0).unwrap_or(1);
                of_length[bits] -= 1;
                of_length[bits + 1] += 2;
                of_length[max_bits] -= 1;
                too_deep -= 2;
            }
            let mut leaves = self.left.iter().filter(|node| **node < count);
            for bits in (1..=max_bits).rev() {
                for leaf in leaves.by_ref().take(of_length[bits]) {
                    lens[*leaf] = bits as u8;
                }
            }
        }
        lens.truncate(symbols);
        lens
    }
}
