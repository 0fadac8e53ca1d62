//! What a person configures: `wasmill.toml`, `plugins/NAME.toml`, the environment and the command line.
//!
//! A file is read by hand rather than by a derive, because a person wants all that is wrong with it at once, each with
//! its line: a [`table::Table`] hands out fields, each field says what it expects, and whatever was not asked for is
//! unknown. What the reader asks for is also the list of keys that `docs/configuration.md` is checked against.

mod document;
mod environment;
mod errors;
mod host;
mod host_reader;
pub mod kafka_properties;
mod log_filter;
mod names;
mod plugin;
mod plugin_reader;
mod settings;
mod start;
mod table;
mod values;

#[cfg(test)]
mod documentation;

pub use environment::Environment;
pub use errors::{ConfigError, ConfigErrors, Place};
pub use host::{AdminConfig, Brokers, Config, KafkaConfig, LogConfig, LogFormat, PluginsConfig, TopicsConfig};
pub use host_reader::Overrides;
pub use log_filter::check_log_filter;
pub use plugin::{Delivery, LimitsConfig, OnFailure, PluginConfig, RetryConfig, Start};

use document::Document;
use std::io::ErrorKind;
use std::path::Path;

/// Read in the working directory when no other file is named.
pub const DEFAULT_FILE: &str = "wasmill.toml";

impl Config {
    /// Reads the file at `path`, or without one [`DEFAULT_FILE`] if it is there, with `overrides` on top.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(path: Option<&Path>, overrides: &Overrides) -> Result<Config, ConfigErrors> {
        let file = path.unwrap_or(Path::new(DEFAULT_FILE));
        match read_text(file)? {
            Some(text) => Config::parse(Some(file), &text, overrides, &environment::of_process),
            None if path.is_none() => Config::parse(None, "", overrides, &environment::of_process),
            None => Err(ConfigErrors::one(Place::File(file.into()), "there is no such file".into())),
        }
    }

    /// Reads `text`, as if it stood in `file`: relative paths are relative to its folder.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn parse(
        file: Option<&Path>,
        text: &str,
        overrides: &Overrides,
        environment: &Environment<'_>,
    ) -> Result<Config, ConfigErrors> {
        let document = Document::new(file, text, environment);
        let config = host_reader::read(&document, overrides);
        document.finish(config)
    }
}

impl PluginConfig {
    /// Reads a plugin's file; a missing one is the default.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(path: &Path) -> Result<PluginConfig, ConfigErrors> {
        match read_text(path)? {
            Some(text) => PluginConfig::parse(path, &text, &environment::of_process),
            None => Ok(PluginConfig::default()),
        }
    }

    /// Reads `text`, as if it stood in `file`.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn parse(file: &Path, text: &str, environment: &Environment<'_>) -> Result<PluginConfig, ConfigErrors> {
        let document = Document::new(Some(file), text, environment);
        let config = plugin_reader::read(&document);
        document.finish(config)
    }
}

/// None: there is no such file.
fn read_text(file: &Path) -> Result<Option<String>, ConfigErrors> {
    let fail = |message| Err(ConfigErrors::one(Place::File(file.into()), message));
    match std::fs::read(file) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
                fail(format!("line {line} is not UTF-8, which TOML asks for"))
            }
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => fail(format!("cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_without_a_file_has_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(PluginConfig::load(&folder.path().join("fraud.toml")), Ok(PluginConfig::default()));
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let errors = Config::load(Some(&folder.path().join("other.toml")), &Overrides::default()).unwrap_err();
        assert!(errors.to_string().ends_with("other.toml: there is no such file"), "{errors}");
    }

    #[test]
    fn a_file_that_is_not_utf8_is_refused_with_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fraud.toml");
        std::fs::write(&file, b"workers = 1\nstart = \"\xff\"\n").unwrap();
        let errors = PluginConfig::load(&file).unwrap_err();
        assert!(errors.to_string().contains("line 2 is not UTF-8"), "{errors}");
    }
}
