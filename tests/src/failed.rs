//! What failed, once more in the summary of `cargo xtask test`: the output of a run is long, and its end is what one sees.

use std::any::Any;
use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::PanicHookInfo;
use std::path::Path;
use std::sync::Once;
use std::thread;

/// Longer messages have the whole log of a host in them; where they stand in the output is clear by their beginning.
const MOST: usize = 400;

static NOTING: Once = Once::new();

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Says that the calling test must panic: nobody needs to be told.
pub fn must_panic() {
    EXPECTED.set(true);
}

/// From now on every panic is noted in the file that `cargo xtask test` names, if it does.
pub fn are_noted() {
    NOTING.call_once(|| {
        let Some(file) = std::env::var_os("WASMILL_TEST_FAILED") else { return };
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                note(Path::new(&file), panic);
            }
            before(panic);
        }));
    });
}

/// One line: the test (its thread has its name), the place, the message.
fn note(file: &Path, panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let line = format!("{} at {place}: {}\n", thread.name().unwrap_or("a thread of a test"), shown(panic.payload()));
    // At once, so that lines of two tests do not mix. Whoever can't write it has the message in the output nevertheless.
    let _ =
        OpenOptions::new().create(true).append(true).open(file).and_then(|mut file| file.write_all(line.as_bytes()));
}

fn shown(payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref().copied());
    let lines: Vec<&str> =
        text.unwrap_or("no message").lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut shown: String = lines.join(" | ").chars().take(MOST + 1).collect();
    if shown.chars().count() > MOST {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_becomes_one_line_of_bounded_length() {
        assert_eq!(shown(&"left\n  right\n\n"), "left | right");
        assert_eq!(shown(&format!("{}\n{}", "é".repeat(MOST), "more")), format!("{}…", "é".repeat(MOST)));
        assert_eq!(shown(&7), "no message");
    }
}
