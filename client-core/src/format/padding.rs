//! Padmé (Nikitin et al., PETS 2019): rounds lengths so that they reveal O(log log n) bits, at a cost of at most 12 %.

/// The padded length for `len`.
#[must_use]
pub const fn padme(len: u64) -> u64 {
    if len < 2 {
        return len;
    }
    let exponent = len.ilog2();
    // Zero only as many low bits as leave the mantissa as long as the exponent.
    let low_bits = exponent - (exponent.ilog2() + 1);
    let mask = (1 << low_bits) - 1;
    (len + mask) & !mask
}

/// A body of `BE32 length ‖ bytes ‖ zeros`, as long as needed for its length plus `overhead` to be a padded length.
pub(super) fn pad(bytes: &[u8], overhead: usize) -> Option<Vec<u8>> {
    let len = u32::try_from(bytes.len()).ok()?;
    let whole = padme((overhead + 4 + bytes.len()) as u64);
    let mut body = Vec::with_capacity(usize::try_from(whole).ok()? - overhead + 16);
    body.extend_from_slice(&len.to_be_bytes());
    body.extend_from_slice(bytes);
    body.resize(usize::try_from(whole).ok()? - overhead, 0);
    Some(body)
}

/// The content of [`pad`]'s result; `None` if the padding is not all zeros.
pub(super) fn unpad(body: &[u8]) -> Option<&[u8]> {
    let (len, rest) = body.split_first_chunk::<4>()?;
    let (bytes, zeros) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    zeros.iter().all(|b| *b == 0).then_some(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn padded_lengths_are_few_and_close() {
        // Published examples and the bounds of the paper.
        assert_eq!(padme(9), 10);
        assert_eq!(padme(16 * 1024 * 1024 + 1), 16 * 1024 * 1024 + 512 * 1024);
        for len in (1..5_000).chain((100_000_000..100_000_500).step_by(7)) {
            let padded = padme(len);
            assert!(padded >= len && (padded - len) * 100 <= len * 12 + 99, "{len} → {padded}");
            assert_eq!(padme(padded), padded);
        }
    }

    #[test]
    fn padding_is_taken_off_exactly() {
        for len in [0, 1, 100, 5_000] {
            let bytes = vec![7; len];
            let mut body = pad(&bytes, 33).unwrap();
            assert_eq!(padme(33 + body.len() as u64), 33 + body.len() as u64);
            assert_eq!(unpad(&body).unwrap(), bytes);
            body.push(1);
            assert!(unpad(&body).is_none());
        }
        assert!(unpad(&[0, 0, 0, 9, 1]).is_none());
    }
}
