//! What an instance's imports find: the data of its store, and the functions that the contract gives it.

use super::Terms;
use super::limits::MemoryLimit;
use super::state::StateAccess;
use crate::plugin::bindings::{context, log, types};
use crate::plugin::output::{Printer, Stream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::clocks::WasiClocksView;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::{Deterministic, HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// The data of an instance's store.
pub(crate) struct HostState {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(super) memory: MemoryLimit,
    pub(super) printer: Arc<Printer>,
    pub(super) call: Call,
    pub(super) state: StateAccess,
}

/// Where the call under way runs.
#[derive(Default)]
pub(super) struct Call {
    pub(super) partition: u32,
    pub(super) now: i64,
    pub(super) stream_time: i64,
    /// When the deadline is over; None: there is none.
    pub(super) ends: Option<Instant>,
}

/// The plugin asked to wait for longer than its deadline leaves.
#[derive(Debug, thiserror::Error)]
#[error("it sleeps: it asked to wait for {asked:?}, and {left:?} of its deadline were left")]
pub(super) struct Sleeps {
    asked: Duration,
    left: Duration,
}

impl HostState {
    pub(super) fn new(terms: &Terms, printer: Arc<Printer>) -> HostState {
        let mut wasi = WasiCtxBuilder::new();
        wasi.allow_tcp(false).allow_udp(false);
        wasi.stdout(Stream::stdout(printer.clone())).stderr(Stream::stderr(printer.clone()));
        if terms.replayable {
            wasi.wall_clock(StoppedClock).monotonic_clock(StoppedClock).insecure_random_seed(0);
            wasi.secure_random(Deterministic::new(vec![0x5a])).insecure_random(Deterministic::new(vec![0x5a]));
        }
        HostState {
            wasi: wasi.build(),
            table: ResourceTable::new(),
            memory: MemoryLimit::new(terms.memory),
            printer,
            call: Call::default(),
            state: StateAccess::new(terms.writes),
        }
    }

    pub(crate) fn clocks(&mut self) -> ClocksView<'_> {
        ClocksView(self)
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl types::Host for HostState {}

impl context::Host for HostState {
    fn partition(&mut self) -> wasmtime::Result<u32> {
        Ok(self.call.partition)
    }

    fn now(&mut self) -> wasmtime::Result<i64> {
        Ok(self.call.now)
    }

    fn stream_time(&mut self) -> wasmtime::Result<i64> {
        Ok(self.call.stream_time)
    }
}

impl log::Host for HostState {
    fn enabled(&mut self) -> wasmtime::Result<Option<log::Level>> {
        Ok(self.printer.lowest_level().map(|level| match level {
            tracing::Level::TRACE => log::Level::Trace,
            tracing::Level::DEBUG => log::Level::Debug,
            tracing::Level::INFO => log::Level::Info,
            tracing::Level::WARN => log::Level::Warn,
            tracing::Level::ERROR => log::Level::Error,
        }))
    }

    fn log(&mut self, level: log::Level, message: String, fields: Vec<(String, String)>) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Trace => tracing::Level::TRACE,
            log::Level::Debug => tracing::Level::DEBUG,
            log::Level::Info => tracing::Level::INFO,
            log::Level::Warn => tracing::Level::WARN,
            log::Level::Error => tracing::Level::ERROR,
        };
        self.printer.log(level, &message, &fields);
        Ok(())
    }
}

/// `wasi:clocks/monotonic-clock` that nobody can sleep with.
pub(crate) struct Clocks;

impl HasData for Clocks {
    type Data<'a> = ClocksView<'a>;
}

/// A view of the store's data for [`Clocks`].
pub(crate) struct ClocksView<'a>(&'a mut HostState);

impl monotonic_clock::Host for ClocksView<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.0.clocks_of_wasi().now()
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        self.0.clocks_of_wasi().resolution()
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.now()?;
        self.subscribe_duration(when.saturating_sub(now))
    }

    /// Ready at once: a plugin that polls goes round, and its deadline ends it; one that would outlast the deadline
    /// is told so.
    fn subscribe_duration(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let asked = Duration::from_nanos(when);
        if let Some(ends) = self.0.call.ends {
            let left = ends.saturating_duration_since(Instant::now());
            if asked > left {
                return Err(Sleeps { asked, left }.into());
            }
        }
        self.0.clocks_of_wasi().subscribe_duration(0)
    }
}

impl HostState {
    fn clocks_of_wasi(&mut self) -> impl monotonic_clock::Host + '_ {
        WasiClocksView::clocks(self)
    }
}

/// For runs that must come out the same each time.
struct StoppedClock;

impl HostWallClock for StoppedClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for StoppedClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}
