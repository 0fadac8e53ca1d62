//! What a person sees.

use super::generator::Generator;
use super::watch::Watch;
use super::{LOG, Options};
use crate::admin::{Control, PluginStatus, State};
use crate::app::App;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

/// Puts the cursor into the corner; each line then clears what is left of the old one, so that nothing flickers.
const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K\n";
const CLEAR_BELOW: &str = "\x1b[J";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// Where everything stands at one moment.
#[derive(Default)]
pub struct Totals {
    sent: u64,
    plugins: BTreeMap<String, PluginStatus>,
}

impl Totals {
    /// Now.
    pub fn take(app: &App, generator: &Generator) -> Self {
        let plugins = app.supervisor.plugins().into_iter().map(|status| (status.name.clone(), status)).collect();
        Totals { sent: generator.sent(), plugins }
    }

    /// Whether a plugin is still on its way.
    pub fn is_starting(&self) -> bool {
        self.plugins.values().any(|plugin| plugin.state == State::Starting)
    }

    /// What grows as long as something is under way: events sent, events handled, alerts and dead letters read.
    pub fn moved(&self, watch: &Watch) -> [u64; 4] {
        let seen = watch.seen();
        [self.sent, self.sum(|plugin| plugin.counters.events), seen[0].count, seen[1].count]
    }

    fn sum(&self, of: impl Fn(&PluginStatus) -> u64) -> u64 {
        self.plugins.values().map(of).sum()
    }
}

/// The demo's face.
pub struct Screen<'a> {
    /// What was asked for.
    pub options: &'a Options,
    /// The embedded broker's address.
    pub kafka: &'a str,
    /// Where HTTP answers.
    pub admin: SocketAddr,
    /// Whether somebody looks at a terminal.
    pub on_screen: bool,
}

impl Screen<'_> {
    /// Draws what happened since `before`, which was `since` ago.
    pub fn draw(&self, running: Duration, now: &Totals, before: &Totals, since: Duration, watch: &Watch) {
        if !self.on_screen {
            return;
        }
        let mut text = String::from(HOME);
        let mut line = |content: &str| {
            text.push_str(content);
            text.push_str(CLEAR_LINE);
        };
        let rate = |now: u64, before: u64| (now.saturating_sub(before)) as f64 / since.as_secs_f64().max(0.001);
        line(&format!(
            "{BOLD}Wasmill{PLAIN}  {DIM}{} s   embedded Kafka {}   http://{}{PLAIN}",
            running.as_secs(),
            self.kafka,
            self.admin
        ));
        line("");
        let seen = watch.seen();
        line(&format!(
            "  events in {BOLD}{:>9}{PLAIN} ({:>6.0}/s)   outputs {BOLD}{:>9}{PLAIN}   fraud alerts {BOLD}{:>7}{PLAIN}   dead letters {BOLD}{:>5}{PLAIN}",
            now.sent,
            rate(now.sent, before.sent),
            now.sum(|plugin| plugin.counters.outputs),
            seen[0].count,
            now.sum(|plugin| plugin.counters.dead_letters),
        ));
        line("");
        line(&format!("{DIM}  {HEADING}{PLAIN}"));
        for (name, plugin) in &now.plugins {
            let events = before.plugins.get(name).map_or(0, |plugin| plugin.counters.events);
            line(&format!("  {}", row(plugin, rate(plugin.counters.events, events))));
            if let Some(refused) = &plugin.refused {
                line(&format!("      refused: {}", first_line(&refused.message)));
            }
            if let Some(error) = &plugin.error {
                line(&format!("      {}", first_line(&error.message)));
            }
        }
        line("");
        line(&format!("{DIM}  latest fraud alerts{PLAIN}"));
        seen[0].last.iter().for_each(|alert| line(&format!("    {alert}")));
        line(&format!("{DIM}  latest dead letters of fraud{PLAIN}"));
        seen[1].last.iter().for_each(|letter| line(&format!("    {}", first_line(letter))));
        line("");
        for tip in self.tips() {
            line(&format!("  {tip}"));
        }
        text.push_str(CLEAR_BELOW);
        let mut out = std::io::stdout().lock();
        // A terminal that is gone ends the demo by its signal.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn tips(&self) -> Vec<String> {
        let dir = self.options.plugins.display();
        vec![
            format!("{BOLD}Drop a module into {dir}{PLAIN} and it goes to work. Or try, in another terminal:"),
            format!("  echo 'settings.threshold = 1000' > {dir}/fraud.toml     # fewer alerts from the next commit on"),
            format!("  rm {dir}/payment.wasm                                   # one plugin stops, the others go on"),
            format!("  echo broken > {dir}/fraud.wasm                          # refused; the old one goes on"),
            format!("  curl http://{}/plugins", self.admin),
            format!("{DIM}Ctrl-C stops. The log is in {LOG}{PLAIN}"),
        ]
    }

    /// What the whole demo came to, for a person and for scripts.
    pub fn summary(&self, ran: Duration, totals: &Totals, watch: &Watch) {
        let seen = watch.seen();
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "\nWasmill demo: {:.1} s, events in {}, outputs {}, fraud alerts {}, dead letters {}",
            ran.as_secs_f64(),
            totals.sent,
            totals.sum(|plugin| plugin.counters.outputs),
            seen[0].count,
            totals.sum(|plugin| plugin.counters.dead_letters),
        );
        let _ = writeln!(text, "  {HEADING}");
        for plugin in totals.plugins.values() {
            let _ = writeln!(text, "  {}", row(plugin, plugin.counters.events as f64 / ran.as_secs_f64()));
        }
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

const HEADING: &str =
    "plugin          state       version            events     events/s    outputs  dead letters  µs/event    waiting";

fn row(plugin: &PluginStatus, rate: f64) -> String {
    let counters = &plugin.counters;
    let state = serde_json::to_value(plugin.state).ok().and_then(|state| state.as_str().map(str::to_owned));
    format!(
        "{:<15} {:<11} {:<15} {:>9} {rate:>12.0} {:>10} {:>13} {:>9.2} {:>10}",
        plugin.name,
        state.unwrap_or_default(),
        plugin.version.as_deref().unwrap_or("-"),
        counters.events,
        counters.outputs,
        counters.dead_letters,
        counters.wasm_nanoseconds_per_event.unwrap_or(0) as f64 / 1000.0,
        counters.lag,
    )
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(110).collect()
}
