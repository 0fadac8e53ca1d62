//! `start`: where a new plugin begins.

use super::plugin::Start;
use toml::value::{Datetime, Offset};

/// `earliest`, `latest` or an RFC 3339 timestamp.
pub(super) fn from_text(text: &str) -> Result<Start, String> {
    match text {
        "earliest" => Ok(Start::Earliest),
        "latest" => Ok(Start::Latest),
        other => match other.parse::<Datetime>() {
            Ok(datetime) => from_datetime(datetime),
            Err(_) => Err(format!(
                "expected `earliest`, `latest` or a timestamp such as 2026-01-31T12:00:00Z, found \"{other}\""
            )),
        },
    }
}

/// A TOML datetime, which must name one moment: Kafka knows no time zone of ours.
pub(super) fn from_datetime(datetime: Datetime) -> Result<Start, String> {
    let (Some(date), Some(time), Some(offset)) = (datetime.date, datetime.time, datetime.offset) else {
        return Err(format!(
            "a timestamp needs a date, a time and an offset, such as 2026-01-31T12:00:00Z; found {datetime}"
        ));
    };
    let offset_minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let minutes = i64::from(time.hour) * 60 + i64::from(time.minute) - offset_minutes;
    let seconds = days_since_epoch(date.year.into(), date.month.into(), date.day.into()) * 86_400
        + minutes * 60
        + i64::from(time.second.unwrap_or(0));
    let milliseconds = seconds * 1000 + i64::from(time.nanosecond.unwrap_or(0) / 1_000_000);
    if milliseconds < 0 {
        return Err(format!("{datetime} is before 1970, and no event of Kafka is as old; use `earliest`"));
    }
    Ok(Start::Timestamp(milliseconds))
}

/// Days from 1970-01-01 in the Gregorian calendar. Years begin in March here, so that the leap day is a year's last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let months_since_march = (month + 9) % 12;
    let day_of_year = (153 * months_since_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days_to_epoch = 719_468;
    year * 365 + leap_days + day_of_year - days_to_epoch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: i64) {
        assert_eq!(from_text(text), Ok(Start::Timestamp(expected)), "{text}");
    }

    #[test]
    fn a_timestamp_is_milliseconds_since_the_epoch() {
        check("1970-01-01T00:00:00Z", 0);
        check("2000-02-29T00:00:00Z", 951_782_400_000);
        check("2000-03-01T00:00:00Z", 951_868_800_000);
        check("2024-05-01T02:00:00.250+02:00", 1_714_521_600_250);
        check("2024-04-30T19:00:00-05:00", 1_714_521_600_000);
        check("2024-05-01 00:00:00Z", 1_714_521_600_000);
        check("2100-12-31T23:59:59.999Z", 4_133_980_799_999);
    }

    #[test]
    fn a_timestamp_names_one_moment() {
        for text in ["2024-05-01", "2024-05-01T00:00:00", "00:00:00"] {
            assert!(from_text(text).unwrap_err().contains("an offset"), "{text}");
        }
        assert!(from_text("1969-12-31T23:59:59Z").unwrap_err().contains("before 1970"));
        assert!(from_text("oldest").unwrap_err().contains("`earliest`"));
    }
}
