//! What a plugin prints and logs: split into lines, rate-limited, and handed to `tracing`. Never an error to the plugin.

mod gate;
mod splitter;
mod stream;
mod tail;

pub(crate) use gate::Gate;
pub(crate) use stream::Stream;

use gate::Admitted;
use splitter::LineSplitter;
use std::borrow::Cow;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tail::Tail;
use tracing::Level;

/// A line longer than this is cut, in bytes.
const LONGEST_LINE: usize = 8 << 10;

/// No task: the plugin is being tried out.
const NO_TASK: i64 = -1;

/// What all instances of a module have in common.
pub(crate) struct Label {
    pub(crate) plugin: String,
    pub(crate) version: String,
    pub(crate) gate: Arc<Gate>,
}

/// Where one instance's words go.
pub(crate) struct Printer {
    label: Arc<Label>,
    partition: AtomicI64,
    /// Whether the tail has anything: read before each call, so it is outside of the lock.
    has_tail: AtomicBool,
    /// Only printing locks it, and only its own instance prints.
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    stdout: LineSplitter,
    stderr: LineSplitter,
    tail: Tail,
}

/// Where printed bytes came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// Logged as info.
    Stdout,
    /// Logged as warnings: runtimes write there what they die of, and libraries what they like.
    Stderr,
}

impl Printer {
    pub(crate) fn new(label: Arc<Label>) -> Arc<Printer> {
        Arc::new(Printer {
            label,
            partition: AtomicI64::new(NO_TASK),
            has_tail: AtomicBool::new(false),
            lines: Mutex::default(),
        })
    }

    /// A call for this task begins: what was said before has nothing to do with how it ends.
    pub(crate) fn begin(&self, partition: u32, now: Instant) {
        self.partition.store(i64::from(partition), Ordering::Relaxed);
        if self.has_tail.swap(false, Ordering::Relaxed) {
            self.lock().tail.clear();
        }
        if let Some(dropped) = self.label.gate.overdue(now) {
            self.say_dropped(dropped);
        }
    }

    /// What the plugin last said of an error, to explain why it broke: one line for the reason, and all of it. An
    /// unfinished line counts. Forgets it, so that it does not explain the next one.
    pub(crate) fn last_words(&self) -> Option<(String, String)> {
        let mut lines = self.lock();
        self.finish(&mut lines);
        lines.tail.take()
    }

    /// The lowest level that is kept.
    pub(crate) fn lowest_level(&self) -> Option<Level> {
        [
            (tracing::enabled!(target: "plugin", Level::TRACE), Level::TRACE),
            (tracing::enabled!(target: "plugin", Level::DEBUG), Level::DEBUG),
            (tracing::enabled!(target: "plugin", Level::INFO), Level::INFO),
            (tracing::enabled!(target: "plugin", Level::WARN), Level::WARN),
            (tracing::enabled!(target: "plugin", Level::ERROR), Level::ERROR),
        ]
        .into_iter()
        .find_map(|(enabled, level)| enabled.then_some(level))
    }

    /// A call of `log`.
    pub(crate) fn log(&self, level: Level, message: &str, fields: &[(String, String)]) {
        if level == Level::ERROR {
            self.remember(&mut self.lock().tail, message);
        }
        let mut text = Cow::Borrowed(message);
        for (name, value) in fields {
            // Writing to a String cannot fail.
            let _ = write!(text.to_mut(), " {name}={value}");
        }
        self.admit(level, &text);
    }

    /// Bytes that were printed.
    pub(crate) fn print(&self, channel: Channel, bytes: &[u8]) {
        let mut lines = self.lock();
        let Lines { stdout, stderr, tail } = &mut *lines;
        match channel {
            Channel::Stdout => stdout.push(bytes, |line| self.admit(Level::INFO, line)),
            Channel::Stderr => stderr.push(bytes, |line| {
                self.remember(tail, line);
                self.admit(Level::WARN, line);
            }),
        }
    }

    fn finish(&self, lines: &mut Lines) {
        let Lines { stdout, stderr, tail } = lines;
        stdout.finish(|line| self.admit(Level::INFO, line));
        stderr.finish(|line| {
            self.remember(tail, line);
            self.admit(Level::WARN, line);
        });
    }

    fn remember(&self, tail: &mut Tail, line: &str) {
        self.has_tail.store(true, Ordering::Relaxed);
        tail.push(line);
    }

    fn admit(&self, level: Level, line: &str) {
        match self.label.gate.admit(Instant::now()) {
            Admitted::No => return,
            Admitted::Yes { dropped_before: 0 } => {}
            Admitted::Yes { dropped_before } => self.say_dropped(dropped_before),
        }
        self.emit(level, &printable(cut(line)));
    }

    fn say_dropped(&self, dropped: u64) {
        self.emit(Level::WARN, &format!("{dropped} lines dropped: more than limits.log-lines a second"));
    }

    fn emit(&self, level: Level, line: &str) {
        let partition = self.partition.load(Ordering::Relaxed);
        let task = (partition != NO_TASK).then_some(partition);
        let (plugin, version) = (self.label.plugin.as_str(), self.label.version.as_str());
        match level {
            Level::TRACE => tracing::trace!(target: "plugin", plugin, version, task, "{line}"),
            Level::DEBUG => tracing::debug!(target: "plugin", plugin, version, task, "{line}"),
            Level::INFO => tracing::info!(target: "plugin", plugin, version, task, "{line}"),
            Level::WARN => tracing::warn!(target: "plugin", plugin, version, task, "{line}"),
            Level::ERROR => tracing::error!(target: "plugin", plugin, version, task, "{line}"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // Lines are whole after a panic, too: at worst one is missing.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        let mut lines = std::mem::take(self.lines.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.finish(&mut lines);
    }
}

/// At most [`LONGEST_LINE`] bytes of it.
fn cut(line: &str) -> &str {
    &line[..line.floor_char_boundary(LONGEST_LINE)]
}

/// Control characters could forge lines and steer terminals.
fn printable(line: &str) -> Cow<'_, str> {
    let harmful = |character: char| character.is_control() && character != '\t';
    if !line.contains(harmful) {
        return Cow::Borrowed(line);
    }
    let mut clean = String::with_capacity(line.len());
    for character in line.chars() {
        if harmful(character) { clean.extend(character.escape_default()) } else { clean.push(character) }
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_made_visible() {
        assert_eq!(printable("a\tb\n\u{1b}[31m"), "a\tb\\n\\u{1b}[31m");
        assert!(matches!(printable("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let line = format!("x{}", "ä".repeat(LONGEST_LINE));
        assert_eq!(cut(&line).len(), LONGEST_LINE - 1);
    }

    #[test]
    fn last_words_are_what_went_to_stderr_and_error_logs_of_this_call() {
        let gate = Arc::new(Gate::new(100));
        let printer = Printer::new(Arc::new(Label { plugin: "p".into(), version: "1".into(), gate }));
        printer.print(Channel::Stdout, b"hello\n");
        assert_eq!(printer.last_words(), None);
        printer.print(Channel::Stderr, b"thread panicked at src/lib.rs:1:2:\nboo");
        printer.print(Channel::Stderr, b"m");
        let (line, all) = printer.last_words().unwrap();
        assert_eq!(line, "thread panicked at src/lib.rs:1:2: boom");
        assert_eq!(all, "thread panicked at src/lib.rs:1:2:\nboom");
        assert_eq!(printer.last_words(), None);
        printer.print(Channel::Stderr, b"of this call\n");
        printer.begin(0, Instant::now());
        assert_eq!(printer.last_words(), None);
    }
}
