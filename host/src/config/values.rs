//! Durations and sizes, as a person writes them.

use std::time::Duration;
use wasmill_contract::{DURATION_UNITS, quantity};

pub(super) use wasmill_contract::duration;

const SIZE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

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
