//! Lines in the host's log, with the plugin's name, version and task.
//!
//! ```
//! use wasmill_plugin::log;
//!
//! log::info!("started");
//! let (customer, rate) = ("c-17", 1.08);
//! log::warn!(customer = customer, currency = "EUR"; "no rate for today, taking {rate}");
//! ```
//!
//! Fields stand before the semicolon, and are anything that can be displayed. A level that the host does not keep costs
//! next to nothing: neither message nor fields are formatted. In a native test the lines go to stderr.

use std::fmt::Display;

#[doc(inline)]
pub use crate::{__debug as debug, __error as error, __info as info, __trace as trace, __warn as warn};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// What an operator wants to know.
    Info,
    /// What an operator should look at.
    Warn,
    /// What went wrong.
    Error,
}

/// Whether the host keeps lines of this level. Asked once a call.
pub fn enabled(level: Level) -> bool {
    sink::lowest().is_some_and(|lowest| level >= lowest)
}

/// Writes a line. The macros are the usual way: they ask [`enabled`] first.
pub fn write(level: Level, message: &str, fields: &[(&str, &dyn Display)]) {
    sink::write(level, message, fields);
}

/// The host's log.
#[cfg(target_family = "wasm")]
pub(crate) mod sink {
    use super::Level;
    use crate::bindings::wasmill::plugin::log;
    use std::cell::Cell;
    use std::fmt::Display;

    thread_local! {
        /// What the host said in this call: asking costs as much as a short event.
        static LOWEST: Cell<Option<Option<Level>>> = const { Cell::new(None) };
    }

    /// A new call: the host's level may have changed.
    pub(crate) fn forget_level() {
        LOWEST.set(None);
    }

    pub(crate) fn lowest() -> Option<Level> {
        LOWEST.get().unwrap_or_else(|| {
            let lowest = log::enabled().map(|level| match level {
                log::Level::Trace => Level::Trace,
                log::Level::Debug => Level::Debug,
                log::Level::Info => Level::Info,
                log::Level::Warn => Level::Warn,
                log::Level::Error => Level::Error,
            });
            LOWEST.set(Some(lowest));
            lowest
        })
    }

    pub(crate) fn write(level: Level, message: &str, fields: &[(&str, &dyn Display)]) {
        let level = match level {
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        log::log(level, message, &fields);
    }
}

/// Stderr, for native tests.
#[cfg(not(target_family = "wasm"))]
mod sink {
    use super::Level;
    use std::fmt::{Display, Write};

    pub(super) fn lowest() -> Option<Level> {
        Some(Level::Trace)
    }

    pub(super) fn write(level: Level, message: &str, fields: &[(&str, &dyn Display)]) {
        eprintln!("{}", line(level, message, fields));
    }

    pub(super) fn line(level: Level, message: &str, fields: &[(&str, &dyn Display)]) -> String {
        let mut line = format!("{level:?} {message}");
        for (name, value) in fields {
            // Writing to a string cannot fail.
            let _ = write!(line, " {name}={value}");
        }
        line
    }
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $($field:ident = $value:expr),+ ; $($message:tt)+) => {
        if $crate::log::enabled($crate::log::Level::$level) {
            $crate::log::write(
                $crate::log::Level::$level,
                &::std::format!($($message)+),
                &[$((::std::stringify!($field), &$value as &dyn ::std::fmt::Display)),+],
            );
        }
    };
    ($level:ident, $($message:tt)+) => {
        if $crate::log::enabled($crate::log::Level::$level) {
            $crate::log::write($crate::log::Level::$level, &::std::format!($($message)+), &[]);
        }
    };
}

/// Logs at level trace: see [`log`](crate::log).
#[doc(hidden)]
#[macro_export]
macro_rules! __trace { ($($line:tt)+) => { $crate::__log!(Trace, $($line)+) }; }

/// Logs at level debug: see [`log`](crate::log).
#[doc(hidden)]
#[macro_export]
macro_rules! __debug { ($($line:tt)+) => { $crate::__log!(Debug, $($line)+) }; }

/// Logs at level info: see [`log`](crate::log).
#[doc(hidden)]
#[macro_export]
macro_rules! __info { ($($line:tt)+) => { $crate::__log!(Info, $($line)+) }; }

/// Logs at level warn: see [`log`](crate::log).
#[doc(hidden)]
#[macro_export]
macro_rules! __warn { ($($line:tt)+) => { $crate::__log!(Warn, $($line)+) }; }

/// Logs at level error: see [`log`](crate::log).
#[doc(hidden)]
#[macro_export]
macro_rules! __error { ($($line:tt)+) => { $crate::__log!(Error, $($line)+) }; }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_fields() {
        assert_eq!(sink::line(Level::Info, "paid", &[("order", &17), ("by", &"card")]), "Info paid order=17 by=card");
    }
}
