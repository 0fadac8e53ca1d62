//! A line at the bottom of the terminal that tells how something goes on, while lines of the log pass above it. Only where
//! somebody watches: elsewhere there is nothing but the log.

use std::io::{self, Write, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

/// A longer one would take two lines on many terminals, and only the second of them could be taken back.
const WIDTH: usize = 79;

const ERASE: &[u8] = b"\r\x1b[K";

/// The terminal of this process, once [`OnTerminal::new`] says that there is one.
static LINE: Mutex<Line> = Mutex::new(Line { watched: false, told: Vec::new(), text: String::new() });

/// Shows what somebody has to tell in the place of what the same one told before; an empty text takes it away. What several
/// tell stands side by side.
pub fn show(who: &str, text: &str) {
    // A terminal that is gone is nobody's loss.
    let _ = locked().change(who, text, &mut stderr());
}

fn locked() -> MutexGuard<'static, Line> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Line {
    watched: bool,
    /// Who tells what, in the order in which they began.
    told: Vec<(String, String)>,
    text: String,
}

impl Line {
    fn change(&mut self, who: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
        if !self.watched {
            return Ok(());
        }
        match self.told.iter_mut().find(|(other, _)| other == who) {
            Some((_, told)) => text.clone_into(told),
            None => self.told.push((who.to_owned(), text.to_owned())),
        }
        self.told.retain(|(_, told)| !told.is_empty());
        let all: Vec<&str> = self.told.iter().map(|(_, told)| told.as_str()).collect();
        let text: String = all.join(" | ").chars().take(WIDTH).collect();
        if self.text == text {
            return Ok(());
        }
        self.text = text;
        out.write_all(&[ERASE, self.text.as_bytes()].concat())?;
        out.flush()
    }

    /// Whole lines of the log.
    fn pass(&self, lines: &[u8], out: &mut impl Write) -> io::Result<()> {
        match self.text.as_str() {
            "" => out.write_all(lines),
            text => out.write_all(&[ERASE, lines, text.as_bytes()].concat()),
        }
    }
}

/// Standard error, above the line.
pub(super) struct OnTerminal(());

impl OnTerminal {
    /// From now on the line is shown.
    pub(super) fn new() -> Self {
        locked().watched = true;
        OnTerminal(())
    }
}

impl MakeWriter<'_> for OnTerminal {
    type Writer = Above;

    fn make_writer(&self) -> Above {
        Above(())
    }
}

/// Takes one event of the log, as a whole.
pub(super) struct Above(());

impl Write for Above {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        locked().pass(lines, &mut stderr())?;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(watched: bool, act: impl FnOnce(&mut Line, &mut Vec<u8>)) -> String {
        let (mut line, mut out) = (Line { watched, told: Vec::new(), text: String::new() }, Vec::new());
        act(&mut line, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_of_the_log_pass_above_the_one_that_is_shown() {
        let seen = shown(true, |line, out| {
            line.pass(b"first\n", out).unwrap();
            line.change("p", "1 %", out).unwrap();
            line.pass(b"second\n", out).unwrap();
            line.change("p", "2 %", out).unwrap();
            line.change("p", "", out).unwrap();
            line.pass(b"third\n", out).unwrap();
        });
        assert_eq!(seen.replace("\r\x1b[K", "<"), "first\n<1 %<second\n1 %<2 %<third\n");
    }

    #[test]
    fn where_nobody_watches_there_is_no_line_and_no_escape() {
        let seen = shown(false, |line, out| {
            line.change("p", "1 %", out).unwrap();
            line.pass(b"first\n", out).unwrap();
        });
        assert_eq!(seen, "first\n");
    }

    #[test]
    fn what_several_tell_stands_side_by_side_until_each_is_done() {
        let seen = shown(true, |line, out| {
            line.change("p", "1 %", out).unwrap();
            line.change("q", "3 s", out).unwrap();
            line.change("p", "2 %", out).unwrap();
            line.change("p", "", out).unwrap();
            line.change("q", "", out).unwrap();
        });
        assert_eq!(seen.replace("\r\x1b[K", "<"), "<1 %<1 % | 3 s<2 % | 3 s<3 s<");
    }

    #[test]
    fn a_line_is_never_longer_than_a_terminal_is_wide() {
        let seen = shown(true, |line, out| line.change("p", &"ä".repeat(200), out).unwrap());
        assert_eq!(seen.chars().filter(|letter| *letter == 'ä').count(), WIDTH);
    }
}
