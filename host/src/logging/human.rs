//! Lines for a person: `12:01:02 INFO fraud 0.1.0 [3] order is late order_id=17`.

use std::error::Error;
use std::fmt::{self, Debug, Display, Write};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const BLUE: &str = "\x1b[34m";
const PURPLE: &str = "\x1b[35m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

/// A line for a person. What it says of others (a plugin, a broker) is made harmless first: it cannot steer the terminal,
/// nor pass for a line of its own.
pub(super) struct Human<T> {
    timer: T,
}

impl<T> Human<T> {
    pub(super) fn new(timer: T) -> Self {
        Human { timer }
    }
}

impl<S, N, T> FormatEvent<S, N> for Human<T>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    T: FormatTime,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        let target = line.target.as_deref().unwrap_or(metadata.target());
        let paint = Paint { colour: writer.has_ansi_escapes() };

        paint.write(&mut writer, DIM, |writer| self.timer.format_time(writer))?;
        writer.write_char(' ')?;
        paint.write(&mut writer, colour_of(metadata.level()), |writer| write!(writer, "{}", metadata.level()))?;
        if let Some(plugin) = &line.plugin {
            writer.write_char(' ')?;
            paint.write(&mut writer, CYAN, |writer| {
                write!(writer, "{plugin}")?;
                line.version.iter().try_for_each(|version| write!(writer, " {version}"))?;
                line.task.iter().try_for_each(|task| write!(writer, " [{task}]"))
            })?;
        }
        if is_target_useful(target, metadata.level()) {
            writer.write_char(' ')?;
            paint.write(&mut writer, DIM, |writer| write!(writer, "{target}:"))?;
        }
        if !line.message.is_empty() {
            write!(writer, " {}", line.message)?;
        }
        for (name, value) in &line.fields {
            writer.write_char(' ')?;
            paint.write(&mut writer, DIM, |writer| write!(writer, "{name}="))?;
            write!(writer, "{value}")?;
        }
        writeln!(writer)
    }
}

/// A plugin's lines have its name, and the host's own say by their words where they come from, unless somebody is
/// looking for an error in the host.
fn is_target_useful(target: &str, level: &Level) -> bool {
    let own = target == "wasmill" || target.starts_with("wasmill::");
    target != "plugin" && (!own || *level > Level::INFO)
}

fn colour_of(level: &Level) -> &'static str {
    match *level {
        Level::ERROR => RED,
        Level::WARN => YELLOW,
        Level::INFO => GREEN,
        Level::DEBUG => BLUE,
        Level::TRACE => PURPLE,
    }
}

struct Paint {
    colour: bool,
}

impl Paint {
    fn write(
        &self,
        writer: &mut Writer<'_>,
        style: &str,
        text: impl FnOnce(&mut Writer<'_>) -> fmt::Result,
    ) -> fmt::Result {
        if !self.colour {
            return text(writer);
        }
        writer.write_str(if style == RED { BOLD } else { "" })?;
        writer.write_str(style)?;
        text(writer)?;
        writer.write_str(RESET)
    }
}

/// What an event says, harmless.
#[derive(Default)]
struct Line {
    message: String,
    plugin: Option<String>,
    version: Option<String>,
    task: Option<String>,
    /// Of a line that came through the `log` crate, whose own target is always `log`.
    target: Option<String>,
    fields: Vec<(&'static str, String)>,
}

impl Line {
    fn put(&mut self, field: &Field, value: impl Display) {
        let value = harmless(value);
        match field.name() {
            "message" => self.message = value,
            "plugin" => self.plugin = Some(value),
            "version" => self.version = Some(value),
            "task" => self.task = Some(value),
            "log.target" => self.target = Some(value),
            // Where in its source a library logged, which nobody but its authors can use.
            name if name.starts_with("log.") => {}
            name => self.fields.push((name, quoted_if_needed(value))),
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        self.put(field, text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format_args!("{value:?}"));
    }
}

/// Control characters are shown and not obeyed, and lines after the first are indented.
fn harmless(value: impl Display) -> String {
    let mut text = Harmless(String::new());
    // Only the value's own `fmt` can fail, and what it wrote until then is still worth reading.
    let _ = write!(text, "{value}");
    text.0.truncate(text.0.trim_end().len());
    text.0
}

struct Harmless(String);

impl Write for Harmless {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '\n' => self.0.push_str("\n    "),
                '\t' => self.0.push('\t'),
                '\r' => {}
                // Among them those that turn the direction of what follows, with which text can pass for other text.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => self.0.extend(c.escape_unicode()),
                c if c.is_control() => self.0.extend(c.escape_unicode()),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

/// So that one sees where a value ends; one that is debug output has quotes of its own.
fn quoted_if_needed(value: String) -> String {
    let open = value.starts_with(['"', '{', '[', '(']);
    if value.is_empty() || (!open && value.contains([' ', '='])) { format!("\"{value}\"") } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::captured::captured;
    use std::io;
    use tracing::{debug, error, info, warn};
    use tracing_subscriber::fmt::Subscriber as FmtSubscriber;

    struct Noon;

    impl FormatTime for Noon {
        fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
            writer.write_str("12:01:02")
        }
    }

    fn logged(colour: bool, log: impl FnOnce()) -> String {
        let builder = FmtSubscriber::builder().with_max_level(Level::TRACE).with_ansi(colour);
        captured(|lines| builder.with_writer(move || lines.clone()).event_format(Human::new(Noon)).finish(), log)
    }

    fn check(log: impl FnOnce(), expected: &str) {
        assert_eq!(logged(false, log), format!("{expected}\n"));
    }

    #[test]
    fn a_plugin_speaks_by_its_name() {
        check(
            || info!(target: "plugin", plugin = "fraud", version = %"0.1.0", task = 3, order_id = 17, "order is late"),
            "12:01:02 INFO fraud 0.1.0 [3] order is late order_id=17",
        );
        check(
            || warn!(target: "plugin", plugin = %"fraud", version = "0.1.0", "no task here"),
            "12:01:02 WARN fraud 0.1.0 no task here",
        );
    }

    #[test]
    fn the_host_speaks_without_a_target_until_somebody_debugs_it() {
        check(|| error!(target: "wasmill::app", "lost"), "12:01:02 ERROR lost");
        check(|| debug!(target: "wasmill::app", "found"), "12:01:02 DEBUG wasmill::app: found");
        check(|| info!(target: "kafka", broker = 1, "connected"), "12:01:02 INFO kafka: connected broker=1");
    }

    #[test]
    fn a_value_with_spaces_is_quoted_once() {
        check(
            || info!(target: "wasmill", a = "two words", b = ?"two words", c = "", d = ?vec![1, 2], e = "x", "fields"),
            "12:01:02 INFO fields a=\"two words\" b=\"two words\" c=\"\" d=[1, 2] e=x",
        );
    }

    #[test]
    fn an_error_comes_with_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot load fraud")]
        struct Outer(#[source] io::Error);
        let error = Outer(io::Error::other("disk is gone"));
        check(
            || info!(target: "wasmill", error = &error as &dyn Error, "kept the old one"),
            "12:01:02 INFO kept the old one error=\"cannot load fraud: disk is gone\"",
        );
    }

    #[test]
    fn a_plugin_can_neither_steer_the_terminal_nor_forge_a_line() {
        check(
            || info!(target: "plugin", plugin = "evil", "one\n12:01:02 INFO forged\x1b[31m\u{9b}31m\u{202e}\r\n\n"),
            "12:01:02 INFO evil one\n    12:01:02 INFO forged\\u{1b}[31m\\u{9b}31m\\u{202e}",
        );
    }

    #[test]
    fn colours_are_only_for_a_terminal() {
        let log = || warn!(target: "plugin", plugin = "fraud", "slow");
        assert!(!logged(false, log).contains('\x1b'));
        assert_eq!(logged(true, log), "\x1b[2m12:01:02\x1b[0m \x1b[33mWARN\x1b[0m \x1b[36mfraud\x1b[0m slow\n");
    }
}
