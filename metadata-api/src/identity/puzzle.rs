//! Stateless puzzles: the salt encodes subject, difficulty and expiry under a key of the service.

use api_types::{
    Base64,
    puzzle::{Puzzle, SolvedPuzzle},
};
use subtle::ConstantTimeEq;

use crate::keys::ServerKeys;

/// Lifetime of a puzzle, seconds.
pub(crate) const PUZZLE_SECS: i64 = 300;
/// Expiry, bits, randomness.
const HEAD: usize = 8 + 1 + 16;

fn mac(keys: &ServerKeys, subject: &[u8; 32], head: &[u8]) -> [u8; 32] {
    keys.rate_key(&[b"puzzle", subject, head])
}

/// A puzzle that only this subject can use.
pub(crate) fn issue(keys: &ServerKeys, subject: &[u8; 32], bits: u8, now: i64) -> Puzzle {
    let mut salt = (now + PUZZLE_SECS).to_be_bytes().to_vec();
    salt.push(bits);
    salt.extend_from_slice(&rand::random::<[u8; 16]>());
    let mac = mac(keys, subject, &salt);
    salt.extend_from_slice(&mac);
    Puzzle { salt: Base64(salt), bits }
}

/// The name under which a solution is used up; `None` if it is invalid, expired or for another subject.
pub(crate) fn check(
    keys: &ServerKeys,
    subject: &[u8; 32],
    solved: &SolvedPuzzle,
    now: i64,
) -> Option<[u8; 32]> {
    let (head, tag) = solved.salt.0.split_at_checked(HEAD)?;
    let expected = mac(keys, subject, head);
    if !bool::from(expected.ct_eq(tag)) {
        return None;
    }
    let (expires, rest) = head.split_first_chunk::<8>()?;
    let bits = *rest.first()?;
    (i64::from_be_bytes(*expires) > now && solved.holds(bits)).then_some(expected)
}
