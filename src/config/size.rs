//! Sizes as people write them: `256KiB`. Only powers of 1024 and only with their unit, so that nobody has to guess
//! which kilo was meant.

use std::fmt;
use std::str::FromStr;

/// A size in bytes; reads and prints as `256KiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

/// Why a text is not a [`ByteSize`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// A number without its unit.
    #[error("has no unit (B, KiB, MiB or GiB)")]
    NoUnit,
    /// Not a whole number followed by a unit.
    #[error("is not a size")]
    Malformed,
    /// More bytes than fit into 64 bits.
    #[error("is too large")]
    TooLarge,
}

/// Largest first, which is the order to print in.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl ByteSize {
    /// A size of so many KiB.
    pub const fn kib(kib: u32) -> Self {
        Self(kib as u64 * 1024)
    }

    /// The size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = (&text[..digits], text[digits..].trim_start());
        if number.is_empty() {
            return Err(SizeError::Malformed);
        }
        if unit.is_empty() {
            return Err(SizeError::NoUnit);
        }
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(SizeError::Malformed)?;
        let number: u64 = number.parse().map_err(|_| SizeError::TooLarge)?;
        number.checked_mul(*factor).map(Self).ok_or(SizeError::TooLarge)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        let (name, factor) = whole.unwrap_or(&("B", 1));
        write!(f, "{}{name}", self.0 / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_and_printed_with_its_largest_whole_unit() {
        for (text, bytes, printed) in [
            ("256KiB", 256 << 10, "256KiB"),
            ("1MiB", 1 << 20, "1MiB"),
            (" 1 GiB ", 1 << 30, "1GiB"),
            ("2048KiB", 2 << 20, "2MiB"),
            ("1500B", 1500, "1500B"),
            ("0B", 0, "0B"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string()), (bytes, printed.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_size_without_a_known_unit_is_refused() {
        for (text, error) in [
            ("256", SizeError::NoUnit),
            ("256KB", SizeError::Malformed),
            ("KiB", SizeError::Malformed),
            ("-1KiB", SizeError::Malformed),
            ("1.5MiB", SizeError::Malformed),
            ("", SizeError::Malformed),
            ("99999999999999999999B", SizeError::TooLarge),
            ("99999999999999GiB", SizeError::TooLarge),
        ] {
            assert_eq!(text.parse::<ByteSize>(), Err(error), "{text}");
        }
    }
}
