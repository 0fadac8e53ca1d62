//! Processor time, which other work on the machine disturbs far less than a stopwatch.

use std::time::Duration;

/// Of the calling thread.
pub fn of_this_thread() -> Duration {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Of this process: all of its threads.
pub fn of_this_process() -> Duration {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// Of another process. Panics if there is none.
#[allow(unsafe_code)]
pub fn of_process(id: u32) -> Duration {
    let mut clock = 0;
    // SAFETY: writes one integer.
    let failed = unsafe { libc::clock_getcpuclockid(id as libc::pid_t, &mut clock) };
    assert_eq!(failed, 0, "no process {id}");
    read(clock)
}

#[allow(unsafe_code)]
fn read(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one struct.
    let failed = unsafe { libc::clock_gettime(clock, &mut time) };
    assert_eq!(failed, 0, "no such clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
