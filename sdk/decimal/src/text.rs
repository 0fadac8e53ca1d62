//! To text. By hand: the formatter takes several times as long in WebAssembly.

use crate::Decimal;
use std::fmt;
use std::ops::Deref;

/// So many digits after the point are written out.
const LONGEST_FRACTION: usize = 40;

/// A sign, a point, and more digits than there can be on both sides of it.
const LONGEST: usize = LONGEST_FRACTION + 42;

/// A decimal as a JSON number has it, on the stack: see [`Decimal::text`].
#[derive(Debug, Clone)]
pub struct Text {
    bytes: [u8; LONGEST],
    begin: usize,
}

impl Decimal {
    /// As a JSON number has it: written out as long as that stays readable, which are 40 digits after the point.
    ///
    /// ```
    /// use wasmill_decimal::Decimal;
    ///
    /// assert_eq!(&*Decimal::new(-1050, 2).text(), "-10.50");
    /// assert_eq!(&*Decimal::new(7, -3).text(), "7e3");
    /// ```
    #[inline]
    pub fn text(self) -> Text {
        let mut text = Text { bytes: [b'0'; LONGEST], begin: LONGEST };
        match usize::try_from(self.scale) {
            Ok(scale) if scale <= LONGEST_FRACTION => text.digits(self.digits.unsigned_abs(), scale),
            _ => {
                text.digits(u128::from(self.scale.unsigned_abs()), 0);
                if self.scale > 0 {
                    text.push(b'-');
                }
                text.push(b'e');
                text.digits(self.digits.unsigned_abs(), 0);
            }
        }
        if self.digits < 0 {
            text.push(b'-');
        }
        text
    }
}

impl Text {
    /// Before what is there.
    #[inline]
    fn push(&mut self, byte: u8) {
        self.begin -= 1;
        self.bytes[self.begin] = byte;
    }

    /// Digits of which so many stand after the point, before what is there.
    #[inline]
    fn digits(&mut self, digits: u128, scale: usize) {
        let (mut count, mut long) = (0, digits);
        let mut push = |digit: u8| {
            if count == scale && scale > 0 {
                self.push(b'.');
            }
            self.push(b'0' + digit);
            count += 1;
            count > scale
        };
        // WebAssembly has no 128-bit numbers: what is that long is divided by hand, and most amounts are not.
        let (mut short, mut enough) = loop {
            if let Ok(short) = u64::try_from(long) {
                break (short, false);
            }
            push((long % 10) as u8);
            long /= 10;
        };
        while short > 0 || !enough {
            enough = push((short % 10) as u8);
            short /= 10;
        }
    }
}

impl Deref for Text {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        // Digits, points and signs alone.
        std::str::from_utf8(&self.bytes[self.begin..]).unwrap_or_default()
    }
}

/// As [`Decimal::text`].
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}
