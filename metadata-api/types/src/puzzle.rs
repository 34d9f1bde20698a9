//! Proof of work for callers that cannot be told from strangers while a name is under attack, so that nobody has to be
//! locked out.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::Base64;

/// Upper bound that an honest client accepts from any service: 2^26 hashes take about half a minute.
pub const MAX_BITS: u8 = 26;
/// Approximate hashes per second on one core of a small machine.
const RATE: u64 = 2_000_000;
const DOMAIN: &[u8] = b"sealkeep/v1/puzzle";

/// Find a nonce so that SHA-256(`sealkeep/v1/puzzle` ‖ salt ‖ nonce, 8 bytes big-endian) begins with `bits` zero bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Puzzle {
    /// Opaque; identifies the puzzle.
    pub salt: Base64,
    /// Number of leading zero bits.
    pub bits: u8,
}

/// A puzzle's solution, sent when the refused request is repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SolvedPuzzle {
    /// From the puzzle.
    pub salt: Base64,
    /// The solution.
    pub nonce: u64,
}

impl Puzzle {
    /// Approximate solving time, to show to people who wait.
    #[must_use]
    pub fn about_seconds(&self) -> u64 {
        1_u64.checked_shl(self.bits.into()).unwrap_or(u64::MAX).div_ceil(RATE)
    }

    /// Solves the puzzle: about `2^bits` hashes on one core. `None` if it asks for more than [`MAX_BITS`].
    #[must_use]
    pub fn solve(&self) -> Option<SolvedPuzzle> {
        if self.bits > MAX_BITS {
            return None;
        }
        let begun = begin(&self.salt);
        let nonce = (0..u64::MAX).find(|nonce| zero_bits(&begun, *nonce) >= u32::from(self.bits))?;
        Some(SolvedPuzzle { salt: self.salt.clone(), nonce })
    }
}

impl SolvedPuzzle {
    /// Whether this solves a puzzle of `bits` bits.
    #[must_use]
    pub fn holds(&self, bits: u8) -> bool {
        zero_bits(&begin(&self.salt), self.nonce) >= u32::from(bits)
    }
}

fn begin(salt: &Base64) -> Sha256 {
    Sha256::new().chain_update(DOMAIN).chain_update(&salt.0)
}

fn zero_bits(begun: &Sha256, nonce: u64) -> u32 {
    let hash: [u8; 32] = begun.clone().chain_update(nonce.to_be_bytes()).finalize().into();
    let (first, _) = hash.split_first_chunk::<8>().unwrap_or((&[0xff; 8], &[]));
    u64::from_be_bytes(*first).leading_zeros()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_solution_is_valid_for_its_own_salt_and_no_more_bits() {
        let puzzle = Puzzle { salt: vec![7; 57].into(), bits: 12 };
        let solved = puzzle.solve().unwrap();
        assert!(solved.holds(12));
        assert!(!SolvedPuzzle { nonce: solved.nonce + 1, ..solved.clone() }.holds(12));
        assert!(!SolvedPuzzle { salt: vec![8; 57].into(), ..solved }.holds(12));
    }

    #[test]
    fn a_service_cannot_make_a_client_work_forever() {
        for bits in [MAX_BITS + 1, 64, 255] {
            assert_eq!(Puzzle { salt: vec![].into(), bits }.solve(), None);
        }
    }
}
