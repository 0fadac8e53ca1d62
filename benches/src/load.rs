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
        let result = work();
        stop.store(true, Ordering::Relaxed);
        (result, writer.join().expect("the writer does not panic"))
    })
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
