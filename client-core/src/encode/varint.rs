//! Unsigned LEB128 in its shortest form, and zigzag for signed differences.

use super::EncodeError;

const SHORT: EncodeError = EncodeError::Damaged("a number is cut off");
const LONG: EncodeError = EncodeError::Damaged("a number is not in its shortest form");

pub(crate) fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn write_signed(out: &mut Vec<u8>, value: i64) {
    write(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

pub(crate) fn read(bytes: &mut &[u8]) -> Result<u64, EncodeError> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(SHORT)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return if byte == 0 && shift > 0 { Err(LONG) } else { Ok(value) };
        }
    }
    Err(LONG)
}

pub(super) fn read_signed(bytes: &mut &[u8]) -> Result<i64, EncodeError> {
    let value = read(bytes)?;
    Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

/// Reads a number that must not exceed `max`.
pub(super) fn read_max(bytes: &mut &[u8], max: usize, what: &'static str) -> Result<usize, EncodeError> {
    usize::try_from(read(bytes)?).ok().filter(|n| *n <= max).ok_or(EncodeError::Damaged(what))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_have_one_form() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), (1 << 62) - 1] {
            let mut out = Vec::new();
            write(&mut out, value);
            assert_eq!(read(&mut out.as_slice()).unwrap(), value);
            let signed = value.cast_signed() / 2;
            for signed in [signed, -signed] {
                let mut out = Vec::new();
                write_signed(&mut out, signed);
                assert_eq!(read_signed(&mut out.as_slice()).unwrap(), signed);
            }
        }
        assert_eq!(read(&mut [0x80, 0].as_slice()), Err(LONG));
        assert_eq!(read(&mut [0x80].as_slice()), Err(SHORT));
        assert_eq!(read(&mut [0xff; 10].as_slice()), Err(LONG));
    }
}
