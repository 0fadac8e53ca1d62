//! All that is wrong with a configuration, each with its place.

use std::fmt;
use std::path::PathBuf;

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// No particular place: something is missing everywhere.
    Nowhere,
    /// The command line or the environment: the option's name.
    Option(&'static str),
    /// A file as a whole.
    File(PathBuf),
    /// A place in a file.
    Line {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Characters, counted from 1.
        column: usize,
    },
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What, and what to do; one line.
    pub message: String,
}

/// Everything that is wrong with a configuration: never empty, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// None if nothing is wrong.
    pub(super) fn new(mut errors: Vec<ConfigError>) -> Option<ConfigErrors> {
        errors.sort();
        errors.dedup();
        (!errors.is_empty()).then_some(ConfigErrors(errors))
    }

    pub(super) fn one(place: Place, message: String) -> ConfigErrors {
        ConfigErrors(vec![ConfigError { place, message }])
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has an error:")?,
            count => write!(f, "the configuration has {count} errors:")?,
        }
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Nowhere => {}
            Place::Option(name) => write!(f, "{name}: ")?,
            Place::File(file) => write!(f, "{}: ", file.display())?,
            Place::Line { file, line, column } => write!(f, "{}:{line}:{column}: ", file.display())?,
        }
        f.write_str(&self.message)
    }
}
