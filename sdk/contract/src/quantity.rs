//! Numbers with a unit, as a person writes them: in the host's configuration and in the settings of plugins.

use std::time::Duration;

/// Units of durations and the milliseconds that they have, the longest first.
pub const DURATION_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];

/// `"100 ms"`, `"1 s"`, `"5 min"`, `"1 h"`.
///
/// # Errors
/// As [`quantity`].
pub fn duration(text: &str) -> Result<Duration, String> {
    quantity(text, &DURATION_UNITS, "ms").map(Duration::from_millis)
}

/// A whole number and one of these units, whose factors it is multiplied by. `usual` is the unit that someone who wrote none
/// is told of.
///
/// # Errors
/// What is wrong with the text, and how to write it.
pub fn quantity(text: &str, units: &[(&str, u64)], usual: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim_start());
    let names = || units.iter().rev().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if number.is_empty() || unit.starts_with(['.', ',', '_']) {
        return Err(format!("\"{text}\" is not a whole number with a unit ({})", names()));
    }
    if unit.is_empty() {
        return Err(format!("\"{text}\" has no unit: write \"{text} {usual}\", or another of {}", names()));
    }
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("`{unit}` in \"{text}\" is not a unit here: use one of {}", names()));
    };
    let number = number.parse::<u64>().ok();
    number.and_then(|number| number.checked_mul(*factor)).ok_or_else(|| format!("\"{text}\" is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("100 ms"), Ok(Duration::from_millis(100)));
        assert_eq!(duration("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(duration(" 5 min "), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1 h"), Ok(Duration::from_secs(3600)));
        assert_eq!(duration("100").unwrap_err(), "\"100\" has no unit: write \"100 ms\", or another of ms, s, min, h");
        assert!(duration("5 minutes").unwrap_err().contains("`minutes`"));
        assert!(duration("1.5 s").unwrap_err().contains("whole number"));
        assert!(duration("-1 s").unwrap_err().contains("whole number"));
        assert!(duration("").unwrap_err().contains("whole number"));
        assert!(duration("99999999999999999999 h").unwrap_err().contains("too large"));
        assert!(duration("9999999999999999999 h").unwrap_err().contains("too large"));
    }
}
