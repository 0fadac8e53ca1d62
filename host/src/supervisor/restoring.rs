//! How far restores are: as metrics, in the log, and as a line on the terminal for those of all tasks together.

use crate::logging::status;
use crate::metrics::{Metrics, Restoring as Gauges};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A long restore tells the log how far it is this often.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// Metrics and the terminal follow a restore so many records behind at most.
const SHOWN_EVERY: u64 = 1_000;

/// The line on the terminal changes this often at most.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Who tells it there.
const LINE: &str = "restoring";

/// All restores of a host.
#[derive(Default)]
pub struct Restores(Mutex<Total>);

/// Those that are under way, and what ended since there were none.
#[derive(Default)]
struct Total {
    under_way: usize,
    tasks: usize,
    records: u64,
    /// Offsets to come by, and those passed.
    all: i64,
    done: i64,
    began: Option<Instant>,
    drawn: Option<Instant>,
}

/// One task's.
pub struct Restore {
    restores: Arc<Restores>,
    gauges: Gauges,
    plugin: Arc<str>,
    task: i32,
    from: i64,
    end: i64,
    began: Instant,
    told: Instant,
    /// Records so far, and those that others have been shown.
    records: u64,
    shown: u64,
    /// Offsets that others have been shown.
    passed: i64,
}

impl Restores {
    /// A task's changelog is read, from one offset up to another, until the answer is dropped.
    pub fn begin(self: &Arc<Self>, metrics: &Metrics, plugin: &Arc<str>, task: i32, from: i64, end: i64) -> Restore {
        let now = Instant::now();
        let mut gauges = metrics.plugin(plugin).restoring();
        gauges.read(0, (end - from).max(0));
        self.total().begin((end - from).max(0), now);
        Restore {
            restores: self.clone(),
            gauges,
            plugin: plugin.clone(),
            task,
            from,
            end,
            began: now,
            told: now,
            records: 0,
            shown: 0,
            passed: 0,
        }
    }

    fn total(&self) -> MutexGuard<'_, Total> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Total {
    fn begin(&mut self, offsets: i64, now: Instant) {
        if self.under_way == 0 {
            // What is over at once needs no line.
            *self = Total { began: Some(now), drawn: Some(now), ..Total::default() };
        }
        self.under_way += 1;
        self.tasks += 1;
        self.all += offsets;
    }

    fn read(&mut self, records: u64, offsets: i64, now: Instant) {
        self.records += records;
        self.done += offsets;
        if self.drawn.is_none_or(|drawn| now - drawn >= DRAW_EVERY) {
            self.drawn = Some(now);
            status::show(LINE, &self.line(now));
        }
    }

    fn end(&mut self) {
        self.under_way -= 1;
        if self.under_way == 0 {
            status::show(LINE, "");
        }
    }

    fn line(&self, now: Instant) -> String {
        let took = self.began.map_or(Duration::ZERO, |began| now - began);
        let tasks = if self.tasks == 1 { "1 task".to_owned() } else { format!("{} tasks", self.tasks) };
        format!("restoring {tasks}: {}", progress(self.records, self.done, self.all, took))
    }
}

impl Restore {
    /// The record at this offset was read.
    pub fn read(&mut self, offset: i64) {
        self.records += 1;
        if self.records - self.shown == SHOWN_EVERY {
            self.show(offset + 1);
        }
        if self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            let far = progress(self.records, offset + 1 - self.from, self.end - self.from, self.began.elapsed());
            tracing::info!(plugin = &*self.plugin, task = self.task, "restoring: {far}");
        }
    }

    /// All of it was.
    pub fn done(mut self) {
        self.show(self.end);
        let (records, took) = (self.records, self.began.elapsed().as_secs_f64());
        tracing::info!(
            plugin = &*self.plugin,
            task = self.task,
            records,
            "state opened in {took:.1} s: {records} records were read from the changelog",
        );
    }

    fn show(&mut self, next: i64) {
        let (records, passed) = (self.records - self.shown, (next - self.from).max(self.passed));
        self.gauges.read(records, (self.end - next).max(0));
        self.restores.total().read(records, passed - self.passed, Instant::now());
        (self.shown, self.passed) = (self.records, passed);
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        self.restores.total().end();
    }
}

/// Offsets tell how far it is: many of a compacted topic have no record any more.
fn progress(records: u64, done: i64, all: i64, took: Duration) -> String {
    let seconds = took.as_secs_f64().max(0.001);
    let left = seconds * (all - done).max(0) as f64 / done.max(1) as f64;
    format!(
        "{records} records, {:.0} a second, {:.0} %, {left:.0} s left",
        records as f64 / seconds,
        100.0 * done as f64 / all.max(1) as f64
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restores_of_several_tasks_are_one_line_that_begins_anew_after_the_last() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut total = Total::default();
        total.begin(3_000, began);
        total.begin(1_000, began);
        total.read(500, 1_000, after(1));
        total.end();
        assert_eq!(total.line(after(2)), "restoring 2 tasks: 500 records, 250 a second, 25 %, 6 s left");
        total.end();
        total.begin(10, after(9));
        total.read(5, 5, after(10));
        assert_eq!(total.line(after(10)), "restoring 1 task: 5 records, 5 a second, 50 %, 1 s left");
    }

    #[test]
    fn a_restore_is_in_the_metrics_until_it_is_over() {
        let metrics = Metrics::new();
        let restores = Arc::<Restores>::default();
        let gauge = |name: &str| {
            let text = metrics.encode();
            let line = text.lines().find(|line| line.starts_with(&format!("wasmill_{name}{{"))).map(str::to_owned);
            line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        };
        let mut restore = restores.begin(&metrics, &"p".into(), 0, 10, 3_010);
        (10..1_010).for_each(|offset| restore.read(offset));
        assert_eq!((gauge("restoring_tasks"), gauge("restoring_records")), (Some(1.0), Some(2_000.0)));
        restore.done();
        assert_eq!((gauge("restoring_tasks"), gauge("restoring_records")), (Some(0.0), Some(0.0)));
        assert_eq!(gauge("restored_records_total"), Some(1_000.0));
    }
}
