//! A plugin, native and alone.

use super::harness::columns;
use super::states::States;
use crate::Plugin;
use crate::instance::Instance;
use serde_json::Value;
use std::rc::Rc;
use wasmill_contract::Batch;

/// A configured plugin without the harness's copies and checks: for measuring what its code costs without WebAssembly.
pub struct Direct<P>(Instance<P>);

impl<P: Plugin> Direct<P> {
    /// Configures the plugin.
    ///
    /// # Errors
    /// As [`Harness::new`](super::Harness::new).
    pub fn new(settings: Value) -> Result<Self, String> {
        Ok(Direct(Instance::configure(&settings.to_string(), Rc::new(States::default()))?.0))
    }

    /// Handles a run of events. Answers how many were handled, and the index of each output's event.
    pub fn process(&self, batch: &Batch) -> (u32, Vec<u32>) {
        let answer = self.0.process(&columns(batch));
        (answer.done, answer.sources)
    }
}
