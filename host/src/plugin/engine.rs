//! wasmtime, set up the one way in which plugins run.

use super::bindings::{EventPlugin, state_reader};
use super::instance::{Clocks, HostState};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, OptLevel};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;

/// How often the epoch moves, and so how exact a deadline is. A wake-up of one thread each time.
const TICK: Duration = Duration::from_millis(5);

/// Stack that a plugin's code may use. Threads that call plugins must have at least twice as much.
const STACK: usize = 1 << 20;

/// The interfaces that a plugin may import, with the version track of each package.
const GRANTED: &[(&str, &str, &[&str])] = &[
    ("wasmill:plugin", "0.1.", &["types", "state", "state-reader", "timers", "context", "log"]),
    (
        "wasi:cli",
        "0.2.",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:clocks", "0.2.", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem", "0.2.", &["preopens", "types"]),
    ("wasi:io", "0.2.", &["error", "poll", "streams"]),
    ("wasi:random", "0.2.", &["random", "insecure", "insecure-seed"]),
    (
        "wasi:sockets",
        "0.2.",
        &["instance-network", "ip-name-lookup", "network", "tcp", "tcp-create-socket", "udp", "udp-create-socket"],
    ),
];

/// wasmtime could not be set up on this machine.
#[derive(Debug, thiserror::Error)]
#[error("WebAssembly cannot run on this machine: {0}")]
pub struct EngineError(String);

/// Compiles and runs plugins: once with deadline checks in the machine code, once without (for trusted plugins; the
/// checks cost up to a third on code that is mostly loops). All modules of a host share one.
pub struct Engine {
    checked: Runtime,
    unchecked: Runtime,
    _ticker: Ticker,
}

/// One of the two, with what its components may import.
pub(super) struct Runtime {
    pub(super) engine: wasmtime::Engine,
    pub(super) linker: Linker<HostState>,
}

impl Engine {
    /// Sets wasmtime up and starts the thread that deadlines depend on; it ends with the last module and instance.
    pub fn new() -> Result<Arc<Engine>, EngineError> {
        let error = |error: wasmtime::Error| EngineError(format!("{error:#}"));
        let checked = Runtime::new(true).map_err(error)?;
        let unchecked = Runtime::new(false).map_err(error)?;
        let ticker = Ticker::start(checked.engine.clone())
            .map_err(|error| EngineError(format!("no thread for deadlines: {error}")))?;
        Ok(Arc::new(Engine { checked, unchecked, _ticker: ticker }))
    }

    /// The one whose machine code has deadline checks, or the one without.
    pub(super) fn runtime(&self, deadline_checks: bool) -> &Runtime {
        if deadline_checks { &self.checked } else { &self.unchecked }
    }

    /// Epochs that surely last as long as `deadline`.
    pub(super) fn ticks(deadline: Option<Duration>) -> u64 {
        // Half of the range is forever, and current epoch + forever does not overflow.
        const FOREVER: u64 = u64::MAX / 2;
        deadline.map_or(FOREVER, |deadline| {
            u64::try_from(deadline.as_nanos().div_ceil(TICK.as_nanos()) + 1).unwrap_or(FOREVER).min(FOREVER)
        })
    }
}

/// Whether a plugin may import the interface of this name.
pub(super) fn is_granted(import: &str) -> bool {
    let Some((path, version)) = import.split_once('@') else { return false };
    let Some((package, interface)) = path.split_once('/') else { return false };
    GRANTED.iter().any(|(granted, track, interfaces)| {
        *granted == package
            && interfaces.contains(&interface)
            && version
                .strip_prefix(track)
                .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

impl Runtime {
    fn new(deadline_checks: bool) -> wasmtime::Result<Runtime> {
        let mut config = Config::new();
        config
            .cranelift_opt_level(OptLevel::Speed)
            .epoch_interruption(deadline_checks)
            .max_wasm_stack(STACK)
            .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
        // Half the price of a call; what it gives up (async exports) no plugin needs.
        config.concurrency_support(false);
        let engine = wasmtime::Engine::new(&config)?;
        let linker = Runtime::linker(&engine)?;
        Ok(Runtime { engine, linker })
    }

    fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<HostState>> {
        let mut linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        // WASI's own would let a plugin sleep, and no epoch check ends a host call.
        linker.allow_shadowing(true);
        monotonic_clock::add_to_linker::<HostState, Clocks>(&mut linker, |state| state.clocks())?;
        linker.allow_shadowing(false);
        EventPlugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        state_reader::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        Ok(linker)
    }
}

/// Moves the epoch until it is dropped.
struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: wasmtime::Engine) -> std::io::Result<Ticker> {
        let (stop, stopped) = channel::<()>();
        let thread = std::thread::Builder::new().name("plugin-deadlines".into()).spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        })?;
        Ok(Ticker { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // It only counts; there is nothing it could have panicked about, and nobody to tell.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_granted_by_interface_and_version_track() {
        assert!(is_granted("wasi:io/poll@0.2.6"));
        assert!(is_granted("wasmill:plugin/log@0.1.0"));
        for import in [
            "wasi:http/outgoing-handler@0.2.6",
            "wasi:io/poll@0.3.0",
            "wasi:io/poll",
            "wasi:io/poll@0.2.0-rc1",
            "wasi:cli/run@0.2.6",
            "wasmill:plugin/log@0.2.0",
            "poll",
        ] {
            assert!(!is_granted(import), "{import}");
        }
    }

    #[test]
    fn the_ticker_ends_with_the_engine() {
        let engine = Engine::new().unwrap();
        let before = Arc::strong_count(&engine);
        assert_eq!(before, 1);
        drop(engine); // Joins the thread: a ticker that went on would hang here.
    }

    #[test]
    fn ticks_cover_the_deadline() {
        assert_eq!(Engine::ticks(Some(Duration::from_millis(10))), 3);
        assert_eq!(Engine::ticks(Some(Duration::from_millis(11))), 4);
        assert_eq!(Engine::ticks(Some(Duration::MAX)), u64::MAX / 2);
        assert_eq!(Engine::ticks(None), u64::MAX / 2);
    }
}
