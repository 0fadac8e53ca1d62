//! What a person sees while something takes its time.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Short enough to show that something is alive, long enough not to fill a log.
const INTERVAL: Duration = Duration::from_secs(5);

/// Says what is being waited for, and every few seconds how long it has taken, until it is dropped.
pub struct Progress {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins with a line that says what is waited for.
    pub fn start(what: impl Into<String>) -> Self {
        let what = what.into();
        let began = Instant::now();
        let (done, finished) = channel();
        eprintln!("  {what} …");
        let thread = std::thread::spawn(move || {
            while finished.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                eprintln!("  {what} … {}", seconds(began.elapsed()));
            }
        });
        Progress { done: Some(done), thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done.take();
        if let Some(thread) = self.thread.take() {
            // It only prints; should that have failed, there is nothing to save.
            let _ = thread.join();
        }
    }
}

/// A duration for a person: `0.8 s`, `2 min 05 s`.
pub fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_for_a_person() {
        assert_eq!(seconds(Duration::from_millis(840)), "0.8 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}
