//! Durations and sizes, as a person writes them.

use std::time::Duration;

const DURATION_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];
const SIZE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

/// `"100 ms"`, `"1 s"`, `"5 min"`, `"1 h"`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    quantity(text, &DURATION_UNITS, "ms").map(Duration::from_millis)
}

/// `"64 MiB"`, `"1 GiB"`, `"500 kB"`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    quantity(text, &SIZE_UNITS, "MiB")
}

/// As [`duration`] reads it.
pub(super) fn show_duration(duration: Duration) -> String {
    show(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &DURATION_UNITS, "s")
}

/// As [`size`] reads it.
pub(super) fn show_size(bytes: u64) -> String {
    show(bytes, &SIZE_UNITS, "B")
}

fn quantity(text: &str, units: &[(&str, u64)], usual: &str) -> Result<u64, String> {
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

fn show(value: u64, units: &[(&str, u64)], zero: &str) -> String {
    match units.iter().find(|(_, factor)| value >= *factor && value.is_multiple_of(*factor)) {
        Some((name, factor)) => format!("{} {name}", value / factor),
        None => format!("0 {zero}"),
    }
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

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(size("64 MiB"), Ok(64 << 20));
        assert_eq!(size("1 GiB"), Ok(1 << 30));
        assert_eq!(size("500 kB"), Ok(500_000));
        assert_eq!(size("17 B"), Ok(17));
        assert!(size("64").unwrap_err().contains("\"64 MiB\""));
        assert!(size("64 Mb").unwrap_err().contains("`Mb`"));
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for bytes in [0, 1, 1000, 1024, 64 << 20, 3_000_000_000, 1_500] {
            assert_eq!(size(&show_size(bytes)), Ok(bytes));
        }
        for milliseconds in [0, 1, 100, 1000, 90_000, 3_600_000] {
            let value = Duration::from_millis(milliseconds);
            assert_eq!(duration(&show_duration(value)), Ok(value));
        }
        assert_eq!(show_size(64 << 20), "64 MiB");
        assert_eq!(show_duration(Duration::from_secs(60)), "1 min");
    }
}
