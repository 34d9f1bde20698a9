//! QR codes as squares, for the caller to draw.

use std::fmt::Write;

use qrcodegen::{QrCode as Code, QrCodeEcc};

/// A QR code, without its quiet zone.
pub struct QrCode(Code);

impl QrCode {
    /// Encodes with error correction level M. `None`: longer than a QR code's capacity (2,331 bytes).
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Code::encode_text(text, QrCodeEcc::Medium).ok().map(Self)
    }

    /// Number of squares on each side.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.0.size().unsigned_abs()
    }

    /// Dark runs as (column, row, length), row by row.
    pub fn runs(&self) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        (0..self.size()).flat_map(move |row| {
            let mut runs = Vec::new();
            let mut column = 0;
            while column < self.size() {
                let length = (column..self.size()).take_while(|at| self.is_dark(*at, row)).count() as u32;
                if length > 0 {
                    runs.push((column, row, length));
                }
                column += length + 1;
            }
            runs
        })
    }

    /// The dark squares as an SVG path whose unit is one square.
    #[must_use]
    pub fn svg_path(&self) -> String {
        self.runs().fold(String::new(), |mut path, (column, row, length)| {
            // Writing to a string does not fail.
            let _ = write!(path, "M{column} {row}h{length}v1h-{length}z");
            path
        })
    }

    fn is_dark(&self, column: u32, row: u32) -> bool {
        self.0.get_module(column.cast_signed(), row.cast_signed())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_exactly_the_dark_squares() {
        let code = QrCode::of("otpauth://totp/Sealkeep:ada@example.com?secret=ABC").unwrap();
        let covered: u32 = code.runs().map(|(_, _, length)| length).sum();
        let size = code.size();
        let dark = (0..size).flat_map(|row| (0..size).map(move |column| (column, row)));
        assert_eq!(covered as usize, dark.filter(|(c, r)| code.is_dark(*c, *r)).count());
        // The finder pattern in the upper left corner begins with seven dark squares.
        assert_eq!(code.runs().next(), Some((0, 0, 7)));
        assert!(QrCode::of(&"x".repeat(3000)).is_none());
    }
}
