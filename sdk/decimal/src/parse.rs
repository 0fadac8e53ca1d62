//! From text.

use crate::Decimal;
use std::fmt;
use std::str::FromStr;

/// Up to so many digits are gathered in 64 bits, where any sum fits: most amounts never need more.
const SHORT: usize = 18;

/// A text that is no decimal number, or one of more than 38 digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDecimal;

impl fmt::Display for NotDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a decimal number of at most 38 digits")
    }
}

impl std::error::Error for NotDecimal {}

/// Of what JSON calls a number, and of `007`, `+1`, `.5` and `1.` besides, which stand in texts.
impl FromStr for Decimal {
    type Err = NotDecimal;

    #[inline]
    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        let text = text.as_bytes();
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let number = short(unsigned).map_or_else(|| long(unsigned), Ok)?;
        Ok(if negative { Decimal { digits: -number.digits, ..number } } else { number })
    }
}

/// None: it has an exponent or too many digits, or is no number.
#[inline]
fn short(text: &[u8]) -> Option<Decimal> {
    if text.len() > SHORT {
        return None;
    }
    let mut digits = 0u64;
    let mut point = None;
    for (index, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(index),
            _ => return None,
        }
    }
    let scale = point.map_or(0, |point| text.len() - point - 1);
    let count = text.len() - usize::from(point.is_some());
    (count > 0).then(|| Decimal { digits: i128::from(digits), scale: scale as i32 })
}

#[cold]
fn long(text: &[u8]) -> Result<Decimal, NotDecimal> {
    let (number, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&text[..at], exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (mut digits, mut scale, mut count, mut point) = (0i128, 0i32, 0usize, false);
    // Zeros are held back: at the end of a long number they need no room.
    let mut zeros = 0u32;
    for byte in number {
        match byte {
            b'0'..=b'9' => {
                count += 1;
                scale = scale.checked_add(i32::from(point)).ok_or(NotDecimal)?;
                zeros += 1;
                if *byte != b'0' {
                    digits = append(digits, zeros, byte - b'0').ok_or(NotDecimal)?;
                    zeros = 0;
                }
            }
            b'.' if !point => point = true,
            _ => return Err(NotDecimal),
        }
    }
    if count == 0 {
        return Err(NotDecimal);
    }
    let scale = scale.checked_sub(exponent).ok_or(NotDecimal)?;
    let Some(digits) = append(digits, zeros, 0) else {
        let zeros = i32::try_from(zeros).map_err(|_| NotDecimal)?;
        return Ok(Decimal { digits, scale: scale.checked_sub(zeros).ok_or(NotDecimal)? });
    };
    Ok(Decimal { digits, scale })
}

/// Room for so many more digits, the last of which is this one.
fn append(digits: i128, places: u32, last: u8) -> Option<i128> {
    if digits == 0 {
        return Some(i128::from(last));
    }
    digits.checked_mul(10i128.checked_pow(places)?)?.checked_add(i128::from(last))
}

fn exponent(text: &[u8]) -> Result<i32, NotDecimal> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(NotDecimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_are_read() {
        for (text, digits, scale) in [
            ("0", 0, 0),
            ("412.50", 41250, 2),
            ("-007", -7, 0),
            ("+1.", 1, 0),
            (".5", 5, 1),
            ("1.5E-2", 15, 3),
            ("123456789012345678901234567890.12", 12345678901234567890123456789012, 2),
            ("1.50000000000000000000000000000000000000000000000000", 15, 1),
            ("0.0000000000000000000000000000000000000000000000000010", 10, 52),
        ] {
            let read: Decimal = text.parse().unwrap();
            let wanted = Decimal::new(digits, scale);
            assert_eq!(read, wanted, "{text}");
        }
        let long = "1".to_string() + &"0".repeat(60);
        assert_eq!(long.parse::<Decimal>().unwrap(), Decimal::new(1, -60));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1.2.3", "12a", "0x10", "1e", "1e1.5", "e5", " 1", "NaN", "1e99999999999", "--1"] {
            assert_eq!(text.parse::<Decimal>(), Err(NotDecimal), "{text:?}");
        }
        assert_eq!("1".repeat(40).parse::<Decimal>(), Err(NotDecimal));
    }
}
