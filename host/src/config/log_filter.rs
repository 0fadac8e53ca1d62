//! `log.level`.

use tracing_subscriber::EnvFilter;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Whether `filter` is a `tracing` filter: `info`, `wasmill=debug,warn`.
///
/// # Errors
/// What is wrong with it. A lone word that is no level is refused although `tracing` takes it (as a target of which all is
/// logged, and nothing of any other): it is a typing error far more often.
pub fn check_log_filter(filter: &str) -> Result<(), String> {
    for directive in filter.split(',').map(str::trim) {
        if directive.is_empty() {
            return Err("a level is missing: write one of off, error, warn, info, debug, trace".into());
        }
        let plain = directive.chars().all(|c| c.is_ascii_alphanumeric() || "_-:".contains(c));
        if plain && !LEVELS.contains(&directive.to_ascii_lowercase().as_str()) {
            return Err(format!(
                "`{directive}` is not a level (off, error, warn, info, debug, trace); for a target write `{directive}=debug`"
            ));
        }
    }
    EnvFilter::builder().parse(filter).map(drop).map_err(|error| format!("not a filter of log lines: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_targets_are_taken() {
        for filter in ["info", "WARN", "wasmill=debug,warn", "plugin=trace,kafka=off,info", "wasmill::worker=debug"] {
            assert_eq!(check_log_filter(filter), Ok(()), "{filter}");
        }
    }

    #[test]
    fn what_would_silence_everything_by_mistake_is_refused() {
        assert!(check_log_filter("inof").unwrap_err().contains("`inof` is not a level"));
        assert!(check_log_filter("wasmill=loud").unwrap_err().contains("not a filter"));
        assert!(check_log_filter("").unwrap_err().contains("missing"));
        assert!(check_log_filter("info,").unwrap_err().contains("missing"));
    }
}
