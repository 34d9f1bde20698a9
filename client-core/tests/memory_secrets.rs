//! What a closed pack leaves in this process's memory. A single test, so that no other test puts the same bytes there.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "the most of it is for other programs")]
mod common;

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
};

use common::{Keys, encode, pack, random};
use secrecy::ExposeSecret;

/// Copies every writable mapping of this process to a file, so that the search can come later.
fn copy_of_memory() -> File {
    let mut memory = File::open("/proc/self/mem").unwrap();
    let mut copy = tempfile::tempfile().unwrap();
    let mut buffer = vec![0; 64 * 1024];
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        if !rest.starts_with("rw") || rest.ends_with("[vvar]") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let (mut at, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        while at < end {
            let len = buffer.len().min(usize::try_from(end - at).unwrap());
            memory.seek(SeekFrom::Start(at)).unwrap();
            // A guard page is unreadable and holds nothing.
            if memory.read_exact(&mut buffer[..len]).is_ok() {
                copy.write_all(&buffer[..len]).unwrap();
            }
            at += len as u64;
        }
    }
    copy
}

fn count(copy: &mut File, needle: &[u8]) -> usize {
    let mut bytes = Vec::new();
    copy.seek(SeekFrom::Start(0)).unwrap();
    copy.read_to_end(&mut bytes).unwrap();
    memchr::memmem::find_iter(&bytes, needle).count()
}

/// The secret in a pack's header, opened with stock age.
fn secret_of(pack: &[u8], keys: &Keys) -> Vec<u8> {
    let len = usize::from(u16::from_be_bytes([pack[10], pack[11]]));
    let identity: age::x25519::Identity = keys.identities[0].expose().expose_secret().parse().unwrap();
    age::decrypt(&identity, &pack[64..64 + len]).unwrap()
}

#[test]
fn n87_a_pack_secret_is_gone_once_its_pack_is_closed() {
    let keys = Keys::new();
    let marker = random("a marker that stays in memory", 32);
    let chunks = encode((0..10).map(|n| random(&format!("chunk {n}"), 10_000)));
    let packs: Vec<_> = (0..8).map(|_| pack(&keys, &chunks)).collect();
    let mut copy = copy_of_memory();
    assert!(count(&mut copy, &marker) > 0, "the search does not find what is there");
    for pack in &packs {
        let secret = secret_of(&pack.bytes, &keys);
        assert_eq!(secret.len(), 32);
        assert_eq!(
            count(&mut copy, &secret),
            0,
            "a pack's secret is still in memory after the pack was closed"
        );
    }
}
