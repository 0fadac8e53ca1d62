//! The time at the head of a human line.

use std::fmt;
use std::time::{SystemTime as Now, UNIX_EPOCH};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// Date and time in UTC, `2026-01-31T12:01:02.123456Z`.
pub(super) struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        SystemTime.format_time(writer)
    }
}

/// The time of day where the person sits, `12:01:02`.
pub(super) struct LocalTime;

impl FormatTime for LocalTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        // A clock before 1970 is wrong anyway.
        let seconds = Now::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let (hour, minute, second) = time_of_day(seconds);
        write!(writer, "{hour:02}:{minute:02}:{second:02}")
    }
}

/// The standard library knows no time zones; the C library does.
#[allow(unsafe_code)]
fn time_of_day(seconds: u64) -> (i32, i32, i32) {
    let seconds = libc::time_t::try_from(seconds).unwrap_or(0);
    // SAFETY: `tm` is plain old data (integers, and a pointer that may be null), for which all zeroes is a value;
    // `localtime_r` writes only to the `tm` that it is given and keeps neither pointer. It reads TZ, which this program
    // never sets.
    let local = unsafe {
        let mut local = std::mem::zeroed::<libc::tm>();
        libc::localtime_r(&seconds, &mut local);
        local
    };
    (local.tm_hour, local.tm_min, local.tm_sec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_goes_on_with_the_clock() {
        // Time zones are whole minutes apart from UTC in our century, so that seconds are the same everywhere.
        let (hour, minute, second) = time_of_day(1_769_860_862);
        assert_eq!(second, 2);
        let later = time_of_day(1_769_860_862 + 60);
        assert_eq!(later, ((hour + (minute + 1) / 60) % 24, (minute + 1) % 60, 2));
    }

    #[test]
    fn the_local_time_is_short() {
        let mut text = String::new();
        LocalTime.format_time(&mut Writer::new(&mut text)).unwrap();
        assert_eq!(text.len(), "12:01:02".len(), "{text}");
    }
}
