//! An instance whose memory has grown makes room for a fresh one, between two commits. Runtimes of some languages leak a little
//! with each event, and nothing of an instance has to last: state is the host's.

use super::lane::{Lane, Running};
use crate::event::Reason;
use crate::kafka::edge::{Outlet, Source};
use crate::plugin::guest::{Guest, Spawn};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

/// Between two of them: an instance that fills up sooner works on events that take the memory, and a fresh one helps little.
const AT_MOST_EVERY: Duration = Duration::from_millis(500);

/// What plugins' code may use of it is bounded by the engine; the rest is the host's own.
const STACK: usize = 8 << 20;

/// How far the replacement of a lane's instance is.
#[derive(Default)]
pub(super) struct Refresh {
    making: Option<Making>,
    last: Option<Instant>,
    /// Said once a module: one that is as large from its start on is not replaced again and again.
    too_large: Option<Arc<dyn Spawn>>,
}

/// An instance that is being made aside.
struct Making {
    /// What makes it. Another module may have come meanwhile.
    spawn: Arc<dyn Spawn>,
    made: Receiver<Result<Box<dyn Guest>, Reason>>,
    /// Takes the old one down: memory of megabytes is given back on its thread, not on the worker's.
    old: Sender<Box<dyn Guest>>,
}

impl<S: Source, O: Outlet> Lane<S, O> {
    /// To be called right after a commit: puts a fresh instance in the place of one that has grown over its bound, or has one
    /// made for the next commit.
    pub(super) fn refresh(&mut self) {
        if let Some(making) = self.refresh.making.take() {
            self.take_fresh(making);
            return;
        }
        let bound = self.spec.config.limits.refresh_at();
        let held = self.running.guest.memory_bytes();
        let early = self.refresh.last.is_some_and(|last| last.elapsed() < AT_MOST_EVERY);
        let useless = self.refresh.too_large.as_ref().is_some_and(|spawn| Arc::ptr_eq(spawn, &self.running.spawn));
        if held > bound && !early && !useless {
            self.refresh.making = Making::start(&self.spec.plugin, &self.running);
            self.refresh.last = Some(Instant::now());
        }
    }

    fn take_fresh(&mut self, making: Making) {
        let fresh = match making.made.try_recv() {
            Ok(Ok(fresh)) => fresh,
            Ok(Err(reason)) => {
                let plugin = &*self.spec.plugin;
                tracing::warn!(plugin, "its memory has grown, and no fresh instance could be made: {}", reason.message);
                return;
            }
            Err(TryRecvError::Empty) => {
                self.refresh.making = Some(making);
                return;
            }
            Err(TryRecvError::Disconnected) => return,
        };
        // Another module is at work by now.
        if !Arc::ptr_eq(&making.spawn, &self.running.spawn) {
            return;
        }
        let (bound, held) = (self.spec.config.limits.refresh_at(), fresh.memory_bytes());
        if held > bound {
            tracing::warn!(
                plugin = &*self.spec.plugin,
                "a fresh instance holds {held} bytes from its start on, and is to be replaced at {bound}: raise limits.memory"
            );
            self.refresh.too_large = Some(making.spawn);
            return;
        }
        let began = Instant::now();
        let old = std::mem::replace(&mut self.running.guest, fresh);
        // A thread that is gone takes nothing down; then it happens here.
        drop(making.old.send(old));
        self.metrics.instance_replaced(began.elapsed());
    }
}

impl Making {
    /// None: there is no thread to be had now; the next commit tries again.
    fn start(plugin: &str, running: &Running) -> Option<Making> {
        let (told, made) = channel();
        let (old, replaced) = channel::<Box<dyn Guest>>();
        let spawn = running.spawn.clone();
        let thread = std::thread::Builder::new().name(format!("{plugin}-fresh")).stack_size(STACK);
        let make = move || {
            // The lane may have ended meanwhile.
            if told.send(spawn.spawn()).is_ok() {
                drop(replaced.recv());
            }
        };
        thread.spawn(make).ok()?;
        Some(Making { spawn: running.spawn.clone(), made, old })
    }
}
