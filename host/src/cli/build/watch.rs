//! `wasmill build --watch`: again with each save.

use crate::author::{Project, Sources};
use std::time::Duration;

/// Between two looks at the sources: a person notices no delay, and a few hundred files are looked at in no time.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Builds now, and each time that a source has changed, until somebody stops it. What goes wrong is for the next save.
pub(super) fn watch(project: &Project, mut build: impl FnMut() -> anyhow::Result<()>) -> ! {
    loop {
        // From before the build: what is saved while it runs is built next.
        let mut built = Sources::of(project);
        if let Err(error) = build() {
            eprint!("{}", crate::cli::report(&error));
        }
        eprintln!("watching {}; Ctrl-C ends it", project.dir.display());
        let mut now = Sources::of(project);
        let changed = loop {
            if let Some(changed) = now.changed_since(&built) {
                break changed.strip_prefix(&project.dir).unwrap_or(changed).to_owned();
            }
            std::thread::sleep(LOOK_EVERY);
            now = Sources::of(project);
        };
        // An editor that saves several files, or one in several steps, has finished when nothing changes any more.
        while now.changed_since(&built).is_some() {
            built = now;
            std::thread::sleep(LOOK_EVERY);
            now = Sources::of(project);
        }
        eprintln!("\n{} has changed", changed.display());
    }
}
