//! Where log lines go, and in which format.
//!
//! They go to stderr; stdout is for what a command answers. A plugin's lines have the target `plugin` and the fields
//! `plugin`, `version` and `task`; lines of Kafka's client library have the target `kafka`.

#[cfg(test)]
mod captured;
mod clock;
mod human;
pub mod status;

use crate::config::{LogConfig, LogFormat, check_log_filter};
use clock::{LocalTime, Utc};
use human::Human;
use status::OnTerminal;
use std::fs::File;
use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use tracing::Subscriber;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Wins over `log.level`, as everywhere in Rust.
const FILTER_VARIABLE: &str = "RUST_LOG";

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// A filter is wrong.
    #[error("{origin}: {message}")]
    Filter {
        /// Where the filter comes from.
        origin: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// Somebody has already said where log lines go.
    #[error("logging cannot be set up: {0}")]
    AlreadySet(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up logging for the whole process. `RUST_LOG` wins over the level of `config`.
///
/// # Errors
/// A filter that is wrong, or logging that has been set up before.
pub fn init(config: &LogConfig) -> Result<(), LoggingError> {
    let from_environment = std::env::var(FILTER_VARIABLE).ok().filter(|filter| !filter.is_empty());
    let filter = filter(config, from_environment.as_deref())?;
    let terminal = stderr().is_terminal();
    let look =
        Look { format: config.format, short: terminal, colour: terminal && std::env::var_os("NO_COLOR").is_none() };
    // A program that reads JSON takes no line that is drawn again and again.
    match terminal && config.format == LogFormat::Human {
        true => subscriber(look, filter, OnTerminal::new()).try_init()?,
        false => subscriber(look, filter, stderr).try_init()?,
    }
    Ok(())
}

/// As [`init`], into a file.
///
/// # Errors
/// As [`init`].
pub fn init_to_file(config: &LogConfig, file: File) -> Result<(), LoggingError> {
    let filter = filter(config, None)?;
    let look = Look { format: config.format, short: false, colour: false };
    subscriber(look, filter, Mutex::new(file)).try_init()?;
    Ok(())
}

/// What the lines look like.
struct Look {
    format: LogFormat,
    /// The time of day is enough for who is watching; a file is read later and elsewhere, and needs the date in UTC.
    short: bool,
    colour: bool,
}

fn filter(config: &LogConfig, from_environment: Option<&str>) -> Result<EnvFilter, LoggingError> {
    let (origin, filter) = match from_environment {
        Some(filter) => (FILTER_VARIABLE, filter),
        None => ("log.level", config.level.as_str()),
    };
    let wrong = |message| LoggingError::Filter { origin, message };
    check_log_filter(filter).map_err(wrong)?;
    EnvFilter::builder().parse(filter).map_err(|error| wrong(error.to_string()))
}

fn subscriber<W>(look: Look, filter: EnvFilter, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // A line that cannot be written (a closed pipe) must not become a panic of the thread that wrote it.
    let layer = fmt::layer().with_writer(writer).with_ansi(look.colour).log_internal_errors(false);
    let layer = match look.format {
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
        LogFormat::Human if look.short => layer.event_format(Human::new(LocalTime)).boxed(),
        LogFormat::Human => layer.event_format(Human::new(Utc)).boxed(),
    };
    // For all of it, and not for the layer: a filter of a layer remembers what it was asked about last, and a question
    // without an event (whether a plugin's lines are wanted) would swallow the next line.
    Box::new(tracing_subscriber::registry().with(filter).with(layer))
}

#[cfg(test)]
mod tests {
    use super::captured::captured;
    use super::*;

    fn config(level: &str) -> LogConfig {
        LogConfig { format: LogFormat::Human, level: level.into() }
    }

    fn logged(format: LogFormat, log: impl FnOnce()) -> String {
        let filter = filter(&config("debug"), None).unwrap();
        let look = Look { format, short: false, colour: false };
        captured(|lines| subscriber(look, filter, move || lines.clone()), log)
    }

    #[test]
    fn json_is_one_flat_object_a_line() {
        let text = logged(LogFormat::Json, || {
            tracing::warn!(target: "plugin", plugin = "fraud", version = %"0.1.0", task = 3, "bad\norder");
            tracing::trace!("below the level");
        });
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["level"], "WARN");
        assert_eq!(object["target"], "plugin");
        assert_eq!(object["message"], "bad\norder");
        assert_eq!(object["plugin"], "fraud");
        assert_eq!(object["version"], "0.1.0");
        assert_eq!(object["task"], 3);
    }

    #[test]
    fn a_question_whether_something_is_logged_swallows_no_line() {
        let text = logged(LogFormat::Human, || {
            assert!(!tracing::enabled!(target: "plugin", tracing::Level::TRACE));
            tracing::info!("first");
            tracing::info!("second");
        });
        assert!(text.contains("first") && text.contains("second"), "{text}");
    }

    #[test]
    fn a_human_line_off_the_terminal_has_the_date() {
        let text = logged(LogFormat::Human, || tracing::info!("started"));
        let (date, rest) = text.split_once('T').unwrap();
        assert_eq!(date.len(), "2026-01-31".len(), "{text}");
        assert!(rest.ends_with("Z INFO started\n"), "{text}");
    }

    #[test]
    fn the_environment_wins_and_a_wrong_filter_is_told_with_its_origin() {
        assert_eq!(filter(&config("info"), None).unwrap().to_string(), "info");
        assert_eq!(filter(&config("info"), Some("kafka=debug")).unwrap().to_string(), "kafka=debug");
        let error = |level, variable| filter(&config(level), variable).unwrap_err().to_string();
        assert!(error("info", Some("lowd")).starts_with("RUST_LOG: `lowd` is not a level"));
        assert!(error("lowd", None).starts_with("log.level: `lowd` is not a level"));
    }
}
