//! A configured instance: the same code under WebAssembly and in the test harness.

use crate::answer::{Answer, Size};
use crate::input::Run;
use crate::store::{AnySlots, Dirty, Reader};
use crate::{Context, Plugin, Timer, Wiring};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Bytes of entries that an instance may keep from one call to the next, in all of its stores: a quarter of the memory
/// that it may have unless configured.
const MOST: usize = 16 << 20;

/// However large the instance is.
const LEAST: usize = 1 << 20;

/// An instance as large as this keeps no more than it does: half of that memory, and well below the size at which it is
/// replaced. What values take can only be guessed.
const ENOUGH: usize = 32 << 20;

/// What may be kept after a call that left the entries at so many bytes, and the instance's memory, which never shrinks, at
/// so many.
pub(crate) fn budget_after(budget: usize, entries: usize, memory: usize) -> usize {
    if memory >= ENOUGH { budget.min(entries.max(LEAST)) } else { budget }
}

/// Bytes of the instance's memory; 0 where that is the process's.
fn memory_size() -> usize {
    #[cfg(target_family = "wasm")]
    return core::arch::wasm32::memory_size::<0>() << 16;
    #[cfg(not(target_family = "wasm"))]
    0
}

/// A plugin with its settings, ready for events.
pub struct Instance<P> {
    plugin: P,
    memory: Memory,
}

/// What lasts from call to call.
pub(crate) struct Memory {
    pub(crate) stores: Vec<Rc<RefCell<dyn AnySlots>>>,
    pub(crate) reader: Rc<dyn Reader>,
    /// What the last call's answer needed.
    pub(crate) size: Cell<Size>,
    /// Bytes of entries that may be kept.
    budget: Cell<usize>,
    dirty: RefCell<Vec<Dirty>>,
}

impl<P: Plugin> Instance<P> {
    /// Makes one from the settings, which are JSON text.
    pub(crate) fn configure(settings: &str, reader: Rc<dyn Reader>) -> Result<(Self, Wiring), String> {
        let mut wiring = Wiring::default();
        let plugin = P::new(read_settings(settings)?, &mut wiring)?;
        wiring.check()?;
        let stores = wiring.stores.clone();
        let memory =
            Memory { stores, reader, size: Cell::default(), budget: Cell::new(MOST), dirty: RefCell::default() };
        Ok((Instance { plugin, memory }, wiring))
    }

    /// Handles a run of events.
    pub(crate) fn process(&self, run: &Run) -> Answer {
        self.memory.begin(run);
        let mut context = Context::new(run, &self.memory);
        for event in run.events() {
            let mark = context.begin(&event);
            let goes_on = match self.plugin.process(&event, &mut context) {
                Ok(()) => context.keep_event(mark),
                Err(failure) => context.fail(mark, failure),
            };
            if !goes_on {
                break;
            }
        }
        self.memory.end(context.answer)
    }

    /// Handles timers that are due. Of the run only the task matters, and the timestamps, which are the timers' times.
    pub(crate) fn process_timers(&self, run: &Run, due: &[Timer]) -> Answer {
        self.memory.begin(run);
        let mut context = Context::new(run, &self.memory);
        for (index, timer) in due.iter().enumerate() {
            let mark = context.begin_timer();
            let goes_on = match self.plugin.on_timer(timer, &mut context) {
                Ok(()) => context.keep_timer(mark, due[index + 1..].iter().map(|timer| (timer.clock, timer.key))),
                Err(failure) => context.fail(mark, failure),
            };
            if !goes_on {
                break;
            }
        }
        self.memory.end(context.answer)
    }
}

impl Memory {
    fn begin(&self, run: &Run) {
        self.stores.iter().for_each(|store| store.borrow_mut().begin(run.partition));
    }

    /// Puts what was written into the answer: each entry once, as the last event left it.
    fn end(&self, mut answer: Answer) -> Answer {
        self.size.set(answer.size());
        if self.stores.is_empty() {
            return answer;
        }
        let mut dirty = self.dirty.borrow_mut();
        self.stores.iter().for_each(|store| store.borrow().dirty(&mut dirty));
        // Sources never decrease.
        dirty.sort_unstable();
        for (_, store, slot) in dirty.drain(..) {
            self.stores[store as usize].borrow_mut().put(slot, &mut answer);
        }
        let budget = self.budget.get();
        let each = budget / self.stores.len();
        let entries = self.stores.iter().map(|store| store.borrow_mut().end(each)).sum();
        self.budget.set(budget_after(budget, entries, memory_size()));
        answer
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

    #[test]
    fn a_large_instance_keeps_no_more_than_it_does() {
        assert_eq!(budget_after(MOST, 10 << 20, 20 << 20), MOST);
        let budget = budget_after(MOST, 10 << 20, 33 << 20);
        assert_eq!(budget, 10 << 20);
        assert_eq!(budget_after(budget, 12 << 20, 33 << 20), 10 << 20);
        assert_eq!(budget_after(budget, 0, 40 << 20), LEAST);
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
