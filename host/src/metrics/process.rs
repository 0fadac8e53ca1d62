//! What the operating system says of this process.

/// Resident memory in bytes; None where the system does not tell it in `/proc`.
pub(super) fn resident_memory() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// `status` rather than the shorter `statm`, which counts in pages of a size that only a system call knows.
fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_size_is_told_in_bytes() {
        assert_eq!(parse("Name:\twasmill\nVmPeak:\t  999 kB\nVmRSS:\t   52340 kB\nThreads:\t4\n"), Some(52340 * 1024));
        assert_eq!(parse("Name:\twasmill\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_it() {
        assert!(resident_memory().is_some_and(|bytes| bytes > 100 << 10));
    }
}
