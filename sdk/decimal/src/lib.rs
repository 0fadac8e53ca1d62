//! Exact decimal numbers for plugins: what an event says of money is never turned into a binary fraction.
//!
//! ```
//! use wasmill_decimal::Decimal;
//!
//! #[derive(serde::Deserialize)]
//! struct Item {
//!     price: Decimal,
//!     quantity: Decimal,
//! }
//!
//! // A number, or a text that holds one.
//! let item: Item = serde_json::from_str(r#"{"price": 0.10, "quantity": "3"}"#)?;
//! let total = item.price.times(item.quantity).unwrap();
//! assert_eq!(total.to_string(), "0.30");
//! assert_eq!(total, "0.3".parse().unwrap());
//! # Ok::<(), serde_json::Error>(())
//! ```

mod json;
mod parse;
mod text;

pub use json::from_value;
pub use parse::NotDecimal;
pub use text::Text;

use std::cmp::Ordering;

/// An exact decimal number of up to 38 digits. It keeps the digits after the point as they were written, `10.10` is
/// printed as `10.10`, and equals `10.1`. Nothing rounds: what does not fit is None.
#[derive(Debug, Clone, Copy, Default)]
pub struct Decimal {
    /// The digits, without the point.
    digits: i128,
    /// How many of them stand after the point; below zero: how many zeros follow.
    scale: i32,
}

/// Powers of ten whose product with an `i32` is an `i64`.
const UNITS: [i64; 10] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal { digits: 0, scale: 0 };

    /// `digits` × 10^-`scale`: `Decimal::new(1050, 2)` is 10.50.
    pub const fn new(digits: i128, scale: i32) -> Self {
        Decimal { digits, scale }
    }

    /// The product; None if it has more than 38 digits.
    pub fn times(self, other: Decimal) -> Option<Decimal> {
        let digits = self.digits.checked_mul(other.digits)?;
        Some(Decimal { digits, scale: self.scale.checked_add(other.scale)? })
    }

    /// The sum; None if it has more than 38 digits.
    pub fn plus(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.max(other.scale);
        let digits = self.digits_at(scale)?.checked_add(other.digits_at(scale)?)?;
        Some(Decimal { digits, scale })
    }

    /// What stands before the point; None if it is beyond an `i64`.
    pub fn whole(self) -> Option<i64> {
        let digits = match u32::try_from(self.scale) {
            Ok(scale) => 10i128.checked_pow(scale).map_or(0, |unit| self.digits / unit),
            Err(_) => self.digits_at(0)?,
        };
        i64::try_from(digits).ok()
    }

    /// The digits with so many of them after the point, which must be no fewer than there are.
    #[inline]
    fn digits_at(self, scale: i32) -> Option<i128> {
        if self.digits == 0 || self.scale == scale {
            return Some(self.digits);
        }
        let more = u32::try_from(i64::from(scale) - i64::from(self.scale)).ok()?;
        // Most amounts: WebAssembly has no 128-bit numbers, and its checked products of them are slow.
        if let (Ok(digits), Some(unit)) = (i32::try_from(self.digits), UNITS.get(more as usize)) {
            return Some(i128::from(i64::from(digits) * unit));
        }
        self.digits.checked_mul(10i128.checked_pow(more)?)
    }
}

impl Ord for Decimal {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.digits.cmp(&other.digits);
        }
        let scale = self.scale.max(other.scale);
        match (self.digits_at(scale), other.digits_at(scale)) {
            (Some(left), Some(right)) => left.cmp(&right),
            // Only the one with the smaller scale can be too large to be written out, and it is then the greater in size.
            (None, _) => self.digits.cmp(&0),
            (_, None) => 0.cmp(&other.digits),
        }
    }
}

impl PartialOrd for Decimal {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn order_is_exact_whatever_the_spelling() {
        for (left, order, right) in [
            ("300.00", Ordering::Equal, "300"),
            ("3e2", Ordering::Equal, "300.0"),
            ("2147483648", Ordering::Equal, "2147483648.000000000"),
            ("-2147483648", Ordering::Less, "-2147483647.999999999"),
            ("4.2", Ordering::Greater, "4.1999999999999999"),
            ("300.00000000000000000000000001", Ordering::Greater, "300"),
            ("-1", Ordering::Less, "-0.5"),
            ("0", Ordering::Equal, "-0.000"),
            ("0", Ordering::Less, "1e-2000000"),
            ("1e300", Ordering::Greater, "99999999999999999999"),
            ("-1e300", Ordering::Less, "-0.1"),
            ("0.1", Ordering::Greater, "-1e300"),
            ("1e-300", Ordering::Less, "1e300"),
        ] {
            assert_eq!(decimal(left).cmp(&decimal(right)), order, "{left} and {right}");
            assert_eq!(decimal(right).cmp(&decimal(left)), order.reverse(), "{right} and {left}");
        }
    }

    #[test]
    fn every_digit_is_written() {
        for text in [
            "0",
            "7",
            "-7",
            "10.10",
            "0.00",
            "-0.05",
            "0.1",
            "100",
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999999999999999999999",
            "-0.99999999999999999999999999999999999999",
            "1234567890123456789.0123456789012345678",
        ] {
            assert_eq!(decimal(text).to_string(), text);
        }
        let tiny = format!("0.{}1", "0".repeat(39));
        assert_eq!(decimal("1e-40").to_string(), tiny);
        assert_eq!(decimal("1e-41").to_string(), "1e-41");
        assert_eq!(Decimal::new(i128::MIN, 40).to_string(), "-0.0170141183460469231731687303715884105728");
        assert_eq!(decimal("1e3").to_string(), "1e3");
    }

    #[test]
    fn arithmetic_does_not_round() {
        assert_eq!(decimal("19.99").times(decimal("3")).unwrap().to_string(), "59.97");
        assert_eq!(decimal("0.1").plus(decimal("0.20")).unwrap().to_string(), "0.30");
        assert_eq!(decimal("1e3").plus(decimal("0.5")).unwrap().to_string(), "1000.5");
        assert_eq!(decimal("1e300").plus(decimal("0.5")), None);
        assert_eq!(decimal("99999999999999999999").times(decimal("9999999999999999999")), None);
        assert_eq!(Decimal::ZERO.plus(decimal("-2.50")).unwrap().to_string(), "-2.50");
    }

    #[test]
    fn the_whole_part_is_cut_toward_zero() {
        for (text, whole) in [("24.99", 24), ("-24.99", -24), ("0.5", 0), ("2e3", 2000), ("1e-2000000", 0)] {
            assert_eq!(decimal(text).whole(), Some(whole), "{text}");
        }
        assert_eq!(decimal("1e19").whole(), None);
    }

    #[test]
    fn a_decimal_is_printed_as_it_was_written() {
        for text in ["10.10", "0", "-0.05", "300", "0.001"] {
            assert_eq!(decimal(text).to_string(), text);
        }
        assert_eq!(decimal("1E+3").to_string(), "1e3");
        assert_eq!(decimal("12e-60").to_string(), "12e-60");
    }
}
