//! A row of named steps that ends with the first failure, and a summary of them.

use crate::progress::seconds;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The steps that are to be run, and what has become of them.
pub struct Steps {
    planned: Vec<Planned>,
    notes: Vec<String>,
}

struct Planned {
    name: &'static str,
    outcome: Outcome,
}

enum Outcome {
    NotRun,
    Passed(Duration),
    Failed(Duration),
}

impl Steps {
    /// The names of all steps, in order.
    pub fn planned(names: &[&'static str]) -> Self {
        let planned = names.iter().map(|name| Planned { name, outcome: Outcome::NotRun }).collect();
        Steps { planned, notes: Vec::new() }
    }

    /// Runs a step; the error of one that fails names it.
    pub fn run<T>(&mut self, name: &'static str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("── {name}");
        let began = Instant::now();
        let result = step();
        let took = began.elapsed();
        eprintln!("── {name}: {}, {}", if result.is_ok() { "ok" } else { "failed" }, seconds(took));
        let outcome = if result.is_ok() { Outcome::Passed(took) } else { Outcome::Failed(took) };
        if let Some(planned) = self.planned.iter_mut().find(|planned| planned.name == name) {
            planned.outcome = outcome;
        }
        result.with_context(|| format!("step `{name}` failed"))
    }

    /// Has the summary tell of something that was not tried.
    pub fn left_out(&mut self, what: String) {
        self.notes.push(format!("left out {what}"));
    }

    /// Has the summary tell, at the very end of a long output, why a test failed.
    pub fn panicked(&mut self, what: String) {
        self.notes.push(format!("panicked {what}"));
    }

    /// A line a step.
    pub fn summary(&self) -> String {
        let steps =
            self.planned.iter().fold(String::from("── summary\n"), |mut summary, Planned { name, outcome }| {
                // Writing to a String cannot fail.
                let _ = match outcome {
                    Outcome::Passed(took) => writeln!(summary, "   ok       {name:<9} {}", seconds(*took)),
                    Outcome::Failed(took) => writeln!(summary, "   failed   {name:<9} {}", seconds(*took)),
                    Outcome::NotRun => writeln!(summary, "   not run  {name}"),
                };
                summary
            });
        self.notes.iter().fold(steps, |summary, note| format!("{summary}   {note}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn the_summary_tells_what_passed_what_failed_and_what_was_not_reached() {
        let mut steps = Steps::planned(&["format", "clippy", "tests"]);

        assert_eq!(steps.run("format", || Ok(1)).unwrap(), 1);
        let error = steps.run("clippy", || -> Result<()> { bail!("a warning") }).unwrap_err();

        steps.left_out("fraud-go: Go is missing".into());
        steps.panicked("crash::a_test at crash.rs:7:5: 2 events are missing".into());
        assert_eq!(format!("{error:#}"), "step `clippy` failed: a warning");
        assert_eq!(
            steps.summary(),
            "── summary\n   ok       format    0.0 s\n   failed   clippy    0.0 s\n   not run  tests\n   left out fraud-go: Go is missing\n   \
             panicked crash::a_test at crash.rs:7:5: 2 events are missing\n"
        );
    }
}
