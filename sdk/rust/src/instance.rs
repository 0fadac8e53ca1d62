//! A configured instance: the same code under WebAssembly and in the test harness.

use crate::answer::{Answer, Size};
use crate::input::Run;
use crate::{Context, Plugin, Wiring};
use std::cell::Cell;

/// A plugin with its settings, ready for events.
pub struct Instance<P> {
    plugin: P,
    last_size: Cell<Size>,
}

impl<P: Plugin> Instance<P> {
    /// Makes one from the settings, which are JSON text.
    pub(crate) fn configure(settings: &str) -> Result<(Self, Wiring), String> {
        let mut wiring = Wiring::default();
        let plugin = P::new(read_settings(settings)?, &mut wiring)?;
        wiring.check()?;
        Ok((Instance { plugin, last_size: Cell::default() }, wiring))
    }

    /// Handles a run of events.
    pub(crate) fn process(&self, run: &Run) -> Answer {
        let mut context = Context::new(run, self.last_size.get());
        for event in run.events() {
            let mark = context.begin(&event);
            if let Err(failure) = self.plugin.process(&event, &mut context)
                && !context.fail(mark, failure)
            {
                break;
            }
        }
        self.last_size.set(context.answer.size());
        context.answer
    }
}

fn read_settings<T: serde::de::DeserializeOwned>(settings: &str) -> Result<T, String> {
    // By way of a value: positions in a text that nobody wrote would only confuse.
    let settings: serde_json::Value =
        serde_json::from_str(settings).map_err(|error| format!("the settings are not JSON: {error}"))?;
    serde_path_to_error::deserialize(settings).map_err(|error| match error.path().to_string().as_str() {
        "." => format!("settings: {}", error.inner()),
        key => format!("setting `{key}`: {}", error.inner()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoSettings;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Settings {
        threshold: f64,
        rules: Vec<Rule>,
    }

    #[derive(Debug, Deserialize)]
    struct Rule {
        #[allow(dead_code)]
        field: String,
    }

    #[track_caller]
    fn refused(settings: &str, why: &[&str]) {
        let error = read_settings::<Settings>(settings).unwrap_err();
        assert!(why.iter().all(|why| error.contains(why)), "{error}");
    }

    #[test]
    fn a_setting_that_does_not_fit_is_named() {
        assert_eq!(read_settings::<Settings>(r#"{"threshold": 2}"#).unwrap().threshold, 2.0);
        refused(r#"{"threshold": "high"}"#, &["setting `threshold`", "invalid type: string \"high\""]);
        refused(r#"{"treshold": 2}"#, &["unknown field `treshold`", "`threshold`"]);
        refused(r#"{"rules": [{"field": "a"}, {}]}"#, &["`rules[1]`", "missing field `field`"]);
    }

    #[test]
    fn a_plugin_without_settings_refuses_any() {
        assert!(read_settings::<NoSettings>("{}").is_ok());
        assert!(read_settings::<NoSettings>(r#"{"a": 1}"#).unwrap_err().contains("unknown field `a`"));
    }
}
