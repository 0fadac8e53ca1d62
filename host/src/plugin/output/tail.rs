//! The last things a plugin said before it broke.

use std::collections::VecDeque;

const MOST_LINES: usize = 40;
const MOST_BYTES: usize = 16 << 10;

/// Keeps the last lines, up to a number of lines and bytes.
#[derive(Default)]
pub(super) struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Tail {
    pub(super) fn push(&mut self, text: &str) {
        for line in text.lines() {
            self.push_line(&line[..line.floor_char_boundary(MOST_BYTES / 4)]);
        }
    }

    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.bytes = 0;
    }

    fn push_line(&mut self, line: &str) {
        self.bytes += line.len();
        self.lines.push_back(line.to_owned());
        while self.lines.len() > MOST_LINES || self.bytes > MOST_BYTES {
            if let Some(oldest) = self.lines.pop_front() {
                self.bytes -= oldest.len();
            }
        }
    }

    /// One line that says it best, and everything.
    pub(super) fn take(&mut self) -> Option<(String, String)> {
        self.bytes = 0;
        let lines: Vec<String> = std::mem::take(&mut self.lines).into();
        let line = telling(&lines)?;
        Some((line, lines.join("\n")))
    }
}

/// A panic's line if there is one, with the message that Rust puts on the next; else the last line, where exceptions
/// stand in most languages.
fn telling(lines: &[String]) -> Option<String> {
    let panic = lines.iter().rposition(|line| line.contains("panicked at") || line.starts_with("panic: "));
    let Some(at) = panic else { return lines.last().cloned() };
    let (line, next) = (&lines[at], lines.get(at + 1));
    Some(match next {
        Some(next) if line.ends_with(':') => format!("{line} {next}"),
        _ => line.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &str) -> String {
        let mut tail = Tail::default();
        tail.push(text);
        tail.take().unwrap().0
    }

    #[test]
    fn the_line_that_tells_is_found_in_what_languages_print() {
        let rust = "thread '<unnamed>' panicked at src/lib.rs:44:27:\nboom\nnote: run with `RUST_BACKTRACE=1`";
        assert_eq!(last(rust), "thread '<unnamed>' panicked at src/lib.rs:44:27: boom");
        assert_eq!(last("panic: boom\n\ngoroutine 1 [running]:\nmain.process()"), "panic: boom");
        assert_eq!(last("Traceback (most recent call last):\n  File x\nValueError: boom"), "ValueError: boom");
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut tail = Tail::default();
        for number in 0..1000 {
            tail.push(&format!("{number} {}", "x".repeat(1000)));
        }
        assert!(tail.bytes <= MOST_BYTES && tail.lines.len() <= MOST_LINES);
        let (line, all) = tail.take().unwrap();
        assert!(line.starts_with("999 ") && all.len() <= MOST_BYTES + MOST_LINES);
        assert_eq!(tail.take(), None);
    }
}
