//! Orders at a steady rate.

use crate::topics::{Topic, Writer};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// They come in so many portions a second.
const PORTIONS: u64 = 100;

/// Writes `rate` events a second into `topic` while `work` goes on; answers what it answers, and how many were written.
pub fn during<R>(topic: &Topic<'_>, rate: u64, work: impl FnOnce() -> R) -> (R, u64) {
    let stop = AtomicBool::new(false);
    let mut writer = Writer::new(topic);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(&mut writer, rate / PORTIONS, &stop));
        // Also where the work panics: the scope waits for the writer.
        let stopper = Stop(&stop);
        let result = work();
        drop(stopper);
        (result, writer.join().expect("the writer does not panic"))
    })
}

struct Stop<'s>(&'s AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn write(writer: &mut Writer, portion: u64, stop: &AtomicBool) -> u64 {
    let began = Instant::now();
    let mut portions: u32 = 0;
    while !stop.load(Ordering::Relaxed) {
        writer.write(portion);
        portions += 1;
        let next = began + Duration::from_secs(1) * portions / PORTIONS as u32;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    writer.finish();
    u64::from(portions) * portion
}
