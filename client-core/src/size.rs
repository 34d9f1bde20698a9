//! Sizes for people: decimal units, three digits.

/// Each is a thousand of the former.
const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];

/// `999 B`, `1.50 kB`, `14.3 MB`, `144 GB`.
#[must_use]
pub fn decimal(bytes: u64) -> String {
    for (power, name) in (1..).zip(UNITS).filter(|_| bytes >= 1000) {
        let unit = 1000_u128.pow(power);
        // Rounded first: 999,600 bytes are 1.00 MB, not 1000 kB.
        let rounded = |parts: u128| (u128::from(bytes) * parts + unit / 2) / unit;
        let (hundredths, tenths, whole) = (rounded(100), rounded(10), rounded(1));
        if hundredths < 1000 {
            return format!("{}.{:02} {name}", hundredths / 100, hundredths % 100);
        }
        if tenths < 1000 {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        if whole < 1000 {
            return format!("{whole} {name}");
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_three_digits_and_a_decimal_unit() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (1024, "1.02 kB"),
            (9_994, "9.99 kB"),
            (9_995, "10.0 kB"),
            (99_949, "99.9 kB"),
            (99_950, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (15_005_185, "15.0 MB"),
            (3_221_225_472, "3.22 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(decimal(bytes), shown);
        }
    }
}
