//! What an author implements.

use crate::{Context, Event, Outcome, Timer, Wiring};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A plugin. The host makes several instances of it (one a worker, and a new one after a panic) and may replace any of
/// them between two calls, so a field is for what [`Plugin::new`] worked out, never for what must last.
///
/// ```
/// use wasmill_plugin::{Context, Event, NoSettings, Outcome, Plugin, Sink, Wiring};
///
/// /// Passes on what has a key.
/// struct Keyed {
///     out: Sink,
/// }
///
/// impl Plugin for Keyed {
///     type Settings = NoSettings;
///
///     fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
///         wiring.input("events");
///         Ok(Keyed { out: wiring.sink("keyed-events") })
///     }
///
///     fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
///         if event.key().is_some() {
///             ctx.forward(self.out);
///         }
///         Ok(())
///     }
/// }
///
/// wasmill_plugin::export!(Keyed);
/// # use wasmill_plugin::testing::Harness;
/// # let mut harness = Harness::<Keyed>::new(serde_json::json!({})).unwrap();
/// # assert_eq!(harness.event("events").key("k").value("v").send().outputs.len(), 1);
/// # assert_eq!(harness.event("events").value("v").send().outputs.len(), 0);
/// ```
pub trait Plugin: Sized + 'static {
    /// What the `[settings]` table of the plugin's configuration holds: a struct with
    /// `#[derive(Deserialize)] #[serde(default, deny_unknown_fields)]`, or [`NoSettings`]. What does not fit is refused
    /// before any event, with the name of the setting.
    type Settings: DeserializeOwned;

    /// A JSON Schema of the settings, for tools and editors.
    const SETTINGS_SCHEMA: Option<&'static str> = None;

    /// Makes an instance: checks the settings and declares inputs and sinks, which must be the same each time for the
    /// same settings.
    ///
    /// # Errors
    /// What is wrong with the settings, for the person who wrote them: the plugin is then not started.
    fn new(settings: Self::Settings, wiring: &mut Wiring) -> Result<Self, String>;

    /// Handles one event. Outputs go to `ctx`; those of an event that fails are dropped.
    ///
    /// # Errors
    /// See [`Failure`](crate::Failure): `reject` for an event that can never be processed, `retry` for one that may
    /// work later, `stop` when no event can be processed any more. A panic is handled as a `reject` with the code
    /// `trap`, but costs the host a new instance.
    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome;

    /// Handles a timer that is due: see [`Context::set_timer`]. It is gone then, unless it is set anew here. An output has
    /// the timer's key and time unless others are given. Unless written, it does nothing.
    ///
    /// # Errors
    /// As [`Plugin::process`]; a timer that fails has no effects, and is not gone after a `retry` or `stop`.
    fn on_timer(&self, timer: &Timer, ctx: &mut Context) -> Outcome {
        let _ = (timer, ctx);
        Ok(())
    }
}

/// For a plugin without settings: refuses any key.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}
