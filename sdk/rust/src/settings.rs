//! Settings as a person writes them.

use serde::de::{Deserialize, Deserializer, Error};
use std::borrow::Cow;
use std::time::Duration;

/// A duration with its unit, as the host's own configuration has them: `"100 ms"`, `"1 s"`, `"5 min"`, `"1 h"`. For a field
/// that is a `Duration` or an `Option<Duration>`.
///
/// ```
/// use serde::Deserialize;
/// use std::time::Duration;
///
/// #[derive(Default, Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Settings {
///     #[serde(deserialize_with = "wasmill_plugin::settings::duration")]
///     wait: Duration,
///     #[serde(deserialize_with = "wasmill_plugin::settings::duration")]
///     every: Option<Duration>,
/// }
///
/// let settings: Settings = serde_json::from_str(r#"{"wait": "10 min"}"#)?;
/// assert_eq!((settings.wait, settings.every), (Duration::from_secs(600), None));
/// assert!(serde_json::from_str::<Settings>(r#"{"every": "1 week"}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
/// That of the deserializer, for what is no text with a whole number and a unit.
pub fn duration<'de, D: Deserializer<'de>, T: From<Duration>>(deserializer: D) -> Result<T, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    wasmill_contract::duration(&text).map(T::from).map_err(D::Error::custom)
}
