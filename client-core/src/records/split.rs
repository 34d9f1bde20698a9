//! Chunk → records: lines if there are lines, tuples of long INSERTs, content-defined pieces otherwise. Decided from
//! the bytes alone; where a record ends depends on nothing before the chunk.

use memchr::{memchr, memmem};

use super::{RecordHash, RecordKeys};
use crate::chunk::{ChunkerParams, GearTable};

/// Longer lines are split.
const MAX_RECORD: usize = 4096;
/// Shorter lines are grouped: an entry of the list should be smaller than what it stands for.
const SHORT: usize = 48;
/// Minimum length of a group: its 18-byte entry is then at most a fifth of it.
const MIN_GROUP: usize = 96;
/// Maximum length of a group.
const MAX_GROUP: usize = 256;
/// Separates the tuples in `INSERT INTO t VALUES (…),(…);`
const TUPLE_END: &[u8] = b"),(";

/// The records of one chunk, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Records {
    /// Their hashes.
    pub hashes: Vec<RecordHash>,
    /// Their lengths, 1 to 4096 bytes, which add up to the chunk's. Empty for a chunk not worth splitting.
    pub lens: Vec<u16>,
}

/// Splits a chunk. Random and compressed data yields no records: none of it will ever match.
#[must_use]
pub fn split(plain: &[u8], gear: &GearTable, keys: &RecordKeys) -> Records {
    let mut records = Records::default();
    if looks_random(plain) {
        return records;
    }
    let mut out = Out { keys, records: &mut records };
    let (mut rest, mut group) = (plain, 0);
    while let Some(line) = memchr(b'\n', &rest[group..]).map(|at| at + 1) {
        let grouped = group + line;
        if line >= SHORT {
            out.push(&rest[..group]);
            out.line(&rest[group..grouped], gear);
        } else if grouped >= MAX_GROUP || grouped >= MIN_GROUP && ends_group(&rest[group..grouped]) {
            out.push(&rest[..grouped]);
        } else {
            group = grouped;
            continue;
        }
        rest = &rest[grouped..];
        group = 0;
    }
    out.push(&rest[..group]);
    out.line(&rest[group..], gear);
    records
}

struct Out<'a> {
    keys: &'a RecordKeys,
    records: &'a mut Records,
}

impl Out<'_> {
    fn push(&mut self, record: &[u8]) {
        if let Ok(len @ 1..) = u16::try_from(record.len()) {
            self.records.hashes.push(self.keys.record(record));
            self.records.lens.push(len);
        }
    }

    fn line(&mut self, line: &[u8], gear: &GearTable) {
        if line.len() <= MAX_RECORD {
            return self.push(line);
        }
        let mut start = 0;
        for at in memmem::find_iter(line, TUPLE_END) {
            self.piece(&line[start..at + 2], gear);
            start = at + 2;
        }
        self.piece(&line[start..], gear);
    }

    fn piece(&mut self, mut piece: &[u8], gear: &GearTable) {
        while piece.len() > MAX_RECORD {
            let len = gear.cut(piece, ChunkerParams::RECORDS);
            self.push(&piece[..len]);
            piece = &piece[len..];
        }
        self.push(piece);
    }
}

/// One short line in four ends a group, by its content: an inserted line moves only the groups around it.
fn ends_group(line: &[u8]) -> bool {
    let sum = line
        .iter()
        .rev()
        .take(8)
        .fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    sum.wrapping_mul(0x9E37_79B1) >> 30 == 0
}

/// Whether four samples use all byte values equally, which only compressed, encrypted and random data does.
fn looks_random(plain: &[u8]) -> bool {
    const SAMPLE: usize = 1024;
    if plain.len() < 4 * SAMPLE {
        return false;
    }
    let mut counts = [0_u64; 256];
    for part in 0..4 {
        let start = (plain.len() - SAMPLE) / 3 * part;
        for byte in &plain[start..start + SAMPLE] {
            counts[usize::from(*byte)] += 1;
        }
    }
    // 4096 random bytes give 69,600 ± 400 here; base64 260,000, and text more.
    counts.iter().map(|n| n * n).sum::<u64>() < 76_000
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::chunk::{ChunkIdKey, ChunkerKey};

    fn records(plain: &[u8]) -> Records {
        let gear = ChunkerKey::from_bytes(&[3; 32]).gear_table();
        let records = split(plain, &gear, &RecordKeys::new(&ChunkIdKey::from_bytes(&[5; 32])));
        let total: usize = records.lens.iter().map(|len| usize::from(*len)).sum();
        assert!(records.lens.is_empty() || total == plain.len());
        assert_eq!(records.lens.len(), records.hashes.len());
        records
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().update(b"noise").finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn rows_are_records() {
        let rows: Vec<String> = (0..200).map(|n| format!("{n}\t{:060}\tx\n", n * n)).collect();
        let lens: Vec<u16> = rows.iter().map(|row| u16::try_from(row.len()).unwrap()).collect();
        assert_eq!(records(rows.concat().as_bytes()).lens, lens);
        let same = records([rows[3].as_str(), &rows[3]].concat().as_bytes());
        assert_eq!(same.hashes[0], same.hashes[1]);
        assert_ne!(same.hashes[0], records(rows[4].as_bytes()).hashes[0]);
    }

    #[test]
    fn short_lines_are_grouped_and_match_again() {
        let lines: Vec<String> = (0..5000).map(|n| format!("{}\n", n * 7919)).collect();
        let before = records(lines.concat().as_bytes());
        assert!(before.lens.len() < lines.len() / 8 && before.lens.len() > lines.len() / 32);
        let mut lines = lines;
        lines.insert(100, "new\n".into());
        let after = records(lines.concat().as_bytes());
        let changed = after.hashes.iter().filter(|hash| !before.hashes.contains(hash)).count();
        assert!(changed <= 3, "{changed}");
    }

    #[test]
    fn tuples_of_a_long_insert_are_records() {
        let tuples: Vec<String> = (0..500).map(|n| format!("({n},'name of {n}')")).collect();
        let insert = format!("INSERT INTO `t` VALUES {};\n", tuples.join(","));
        let found = records(insert.as_bytes());
        assert_eq!(found.lens.len(), 500);
        assert_eq!(usize::from(found.lens[7]), "(7,'name of 7'),".len());
    }

    #[test]
    fn long_binary_is_cut_by_content_and_noise_not_at_all() {
        let mut binary: Vec<u8> = noise(100_000).iter().map(|byte| byte % 61 + 32).collect();
        let before = records(&binary);
        assert!(before.lens.len() > 80 && before.lens.iter().all(|len| *len <= 4096));
        binary.insert(50_000, b'x');
        let after = records(&binary);
        let changed = after.hashes.iter().filter(|hash| !before.hashes.contains(hash)).count();
        assert!(changed <= 3, "{changed}");
        assert!(records(&noise(100_000)).lens.is_empty());
        assert!(records(b"").lens.is_empty());
        assert_eq!(records(b"x").lens, [1]);
    }
}
