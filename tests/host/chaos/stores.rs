//! What happens to the stores of a host that is not running.

use super::random::Random;
use std::path::{Path, PathBuf};
use wasmill_tests::Host;

const STORES: &str = "state/stores";

pub fn delete(host: &Host) {
    std::fs::remove_dir_all(host.folder().join(STORES)).expect("there are stores");
}

/// Overwrites some bytes of one file, in the middle of what was written to it: a journal is longer than that.
pub fn tear(host: &Host, random: &mut Random) {
    let mut files = Vec::new();
    find_files(&host.folder().join(STORES), &mut files);
    files.sort();
    let (path, mut bytes) = files.swap_remove(random.below(files.len()));
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let middle = random.below(written);
    println!("chaos: bytes from {middle} of {written} of {} are others now", path.display());
    bytes[middle..written].iter_mut().take(64).for_each(|byte| *byte ^= random.next() as u8 | 1);
    std::fs::write(&path, bytes).expect("a file");
}

/// Those that hold something.
fn find_files(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find_files(&path, found);
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        if bytes.iter().any(|byte| *byte != 0) {
            found.push((path, bytes));
        }
    }
}
