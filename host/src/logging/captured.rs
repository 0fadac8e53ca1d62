//! What a subscriber wrote, for tests.

use std::io;
use std::sync::{Arc, Mutex};
use tracing::Subscriber;

/// A writer whose clones write to one place.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the subscriber that `make` makes of a writer writes of what `log` logs.
pub(super) fn captured<S>(make: impl FnOnce(Lines) -> S, log: impl FnOnce()) -> String
where
    S: Subscriber + Send + Sync + 'static,
{
    let lines = Lines::default();
    tracing::subscriber::with_default(make(lines.clone()), log);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}
