//! Why a call did not come back.

use super::Core;
use super::host::Sleeps;
use crate::event::Reason;
use crate::plugin::guest::Broke;
use crate::state::StateError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// The reason of the last call's error: its code is one of `trap`, `deadline`, `memory`, `state`.
pub(in crate::plugin) fn reason(core: &mut Core, error: &wasmtime::Error) -> Reason {
    let state = core.store.data();
    let words = state.printer.last_words();
    let (code, message) = if let Some(error) = error.downcast_ref::<StateError>() {
        (Broke::STATE, format!("the task's state cannot be read: {error}"))
    } else if let Some(sleeps) = error.downcast_ref::<Sleeps>() {
        ("deadline", sleeps.to_string())
    } else if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        let deadline = core.terms.deadline.unwrap_or_default();
        ("deadline", format!("the call took longer than its deadline of {deadline:?}"))
    } else if let Some(refusal) = state.memory.refusal() {
        ("memory", refusal)
    } else {
        let cause = cause(error);
        ("trap", words.as_ref().map_or_else(|| cause.clone(), |(line, _)| format!("{line} ({cause})")))
    };
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string);
    let detail: Vec<String> = words.map(|(_, all)| all).into_iter().chain(backtrace).collect();
    Reason { code: code.into(), message, detail: (!detail.is_empty()).then(|| detail.join("\n")) }
}

fn cause(error: &wasmtime::Error) -> String {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return format!("it called exit with status {}", exit.0);
    }
    let cause = error.root_cause().to_string();
    if cause.contains("fuel allocated for hostcalls") {
        return "it handed the host more bytes than limits.output-bytes and limits.memory allow".into();
    }
    cause
}
