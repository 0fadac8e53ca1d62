//! A first compilation, which takes seconds for a large runtime: on threads of its own, and told of while it lasts.
//!
//! wasmtime compiles functions in parallel on the rayon pool that it is called from. The one of the whole process would be the
//! wrong one twice: it takes every core, and a small module that comes second waits for all functions of a large one.

use super::error::LoadError;
use crate::logging::status;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// What is over sooner needs no word.
const UNTOLD: Duration = Duration::from_secs(1);

/// The log is told again this often; the line on the terminal moves each second.
const TELL_EVERY: Duration = Duration::from_secs(5);

const DRAW_EVERY: Duration = Duration::from_secs(1);

/// Stack of a compiling thread: what one of the process's first thread has.
const STACK: usize = 8 << 20;

/// Of threads that compile in a host, as `nice` has it: whoever handles events gets the processor first.
#[cfg(target_os = "linux")]
const NICENESS: libc::c_int = 15;

/// For whom something is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// A person who waits for it, and for nothing else: on all cores, told on standard error.
    Command,
    /// A host, whose plugins go on: one core stays theirs, and of the others they get what they need; told in the log.
    Host,
}

impl For {
    /// Threads that compile at the same time.
    fn threads(self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        match self {
            For::Command => cores,
            For::Host => cores.saturating_sub(1).max(1),
        }
    }

    fn tell(self, plugin: &str, what: &str) {
        match self {
            For::Command => eprintln!("{plugin}: {what}"),
            For::Host => tracing::info!(plugin, "{what}"),
        }
    }
}

/// Does something that compiles `size` bytes of a plugin's file.
pub(super) fn compiling<T: Send>(
    whom: For,
    plugin: &str,
    size: usize,
    compile: impl FnOnce() -> Result<T, LoadError> + Send,
) -> Result<T, LoadError> {
    let pool = pool(whom)?;
    std::thread::scope(|scope| {
        let (working, over) = channel::<()>();
        let began = Instant::now();
        let told = std::thread::Builder::new()
            .name("plugin-progress".into())
            .spawn_scoped(scope, move || tell(whom, plugin, size, began, &over));
        let compiled = pool.install(compile);
        drop(working);
        // Without a thread for it nothing was told.
        let told = told.ok().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if told && compiled.is_ok() {
            whom.tell(plugin, &format!("compiled in {}", seconds(began.elapsed())));
        }
        compiled
    })
}

fn pool(whom: For) -> Result<ThreadPool, LoadError> {
    ThreadPoolBuilder::new()
        .num_threads(whom.threads())
        .thread_name(|_| "plugin-compile".into())
        .stack_size(STACK)
        .start_handler(move |_| {
            if whom == For::Host {
                step_back();
            }
        })
        .build()
        .map_err(|error| LoadError::Host(format!("no threads to compile on: {error}")))
}

/// The calling thread gets the processor after all others.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn step_back() {
    // SAFETY: takes three numbers and touches no memory. On Linux process 0 is the calling thread. If it fails, the thread
    // competes as others do.
    unsafe { libc::setpriority(libc::PRIO_PROCESS as _, 0, NICENESS) };
}

/// Elsewhere a thread has no priority of its own: the core that is left to the others has to do.
#[cfg(not(target_os = "linux"))]
fn step_back() {}

/// Tells how long it goes on, until the sender is dropped. Answers whether there was something to tell.
fn tell(whom: For, plugin: &str, size: usize, began: Instant, over: &Receiver<()>) -> bool {
    let goes_on = |wait| over.recv_timeout(wait) == Err(RecvTimeoutError::Timeout);
    if !goes_on(UNTOLD) {
        return false;
    }
    let size = format!("{:.1} MB", size as f64 / 1e6);
    let line = format!("compiling {plugin}");
    whom.tell(plugin, &format!("compiling {size}; the next time it comes from the cache"));
    let mut next = TELL_EVERY;
    loop {
        let elapsed = began.elapsed();
        status::show(&line, &format!("{line}, {size}: {} s", elapsed.as_secs()));
        if elapsed >= next {
            next = elapsed + TELL_EVERY;
            whom.tell(plugin, &format!("still compiling, for {}", seconds(elapsed)));
        }
        if !goes_on(DRAW_EVERY) {
            status::show(&line, "");
            return true;
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_compiles_on_fewer_threads_than_it_has_cores() {
        let cores = std::thread::available_parallelism().unwrap().get();
        let threads = |whom| compiling(whom, "p", 1, || Ok(rayon::current_num_threads())).unwrap();
        assert_eq!(threads(For::Command), cores);
        assert_eq!(threads(For::Host), (cores - 1).max(1));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn threads_that_compile_in_a_host_let_all_others_go_first() {
        /// Of the calling thread: the 19th field of its status, and the 17th after its name.
        fn niceness() -> i64 {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let (_, fields) = stat.rsplit_once(')').unwrap();
            fields.split_whitespace().nth(16).unwrap().parse().unwrap()
        }
        let before = niceness();
        let own = |whom| compiling(whom, "p", 1, || Ok(niceness())).unwrap();
        assert_eq!(own(For::Command), before);
        assert_eq!(own(For::Host), before.max(i64::from(NICENESS)));
        assert_eq!(niceness(), before, "the caller is as it was");
    }

    #[test]
    fn what_is_over_at_once_is_not_told_and_what_takes_long_is() {
        let told = |takes: Duration| {
            let (working, over) = channel::<()>();
            std::thread::scope(|scope| {
                let thread = scope.spawn(move || tell(For::Command, "p", 1, Instant::now(), &over));
                std::thread::sleep(takes);
                drop(working);
                thread.join().unwrap()
            })
        };
        assert!(!told(Duration::ZERO));
        assert!(told(UNTOLD + Duration::from_millis(300)));
    }
}
