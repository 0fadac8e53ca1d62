//! Tells when the plugins folder has changed.

use super::folder::{self, Difference};
use notify::{RecursiveMode, Watcher as _};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

/// After the first sign of a change the folder is looked at when it has been quiet for so long: a copy is many writes.
const QUIET: Duration = Duration::from_millis(100);

/// A copy that never pauses is looked at after so long all the same.
const AT_MOST: Duration = Duration::from_secs(2);

/// The folder is looked at so often even without a sign: network file systems give none.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Watches the folder until the receiver is dropped, telling first all that is in it, and then that this was all. A
/// folder that cannot be read is said once and tried again; its plugins go on.
pub async fn watch(dir: PathBuf, changes: mpsc::Sender<Difference>) {
    let mut first_look = true;
    let (sign, mut signs) = mpsc::channel(1);
    // A full channel already holds the sign that is needed.
    let watcher = notify::recommended_watcher(move |_| {
        let _ = sign.try_send(());
    });
    let mut watcher = watcher.inspect_err(|error| tracing::warn!("changes are noticed late: {error}")).ok();
    let mut watched = false;
    let mut before = BTreeMap::new();
    let mut unreadable = false;
    loop {
        if let Some(watcher) = watcher.as_mut().filter(|_| !watched) {
            watched = watcher.watch(&dir, RecursiveMode::NonRecursive).is_ok();
        }
        match look(&dir).await {
            Ok(now) => {
                let mut differences = folder::differences(&before, &now);
                if std::mem::take(&mut first_look) {
                    differences.push(Difference::FirstLookOver);
                }
                for difference in differences {
                    if changes.send(difference).await.is_err() {
                        return;
                    }
                }
                before = now;
                unreadable = false;
            }
            Err(error) => {
                watched = false;
                if !std::mem::replace(&mut unreadable, true) {
                    tracing::error!("the plugins folder {} can't be read: {error}", dir.display());
                }
            }
        }
        tokio::select! {
            () = changes.closed() => return,
            () = quiet(&mut signs) => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn look(dir: &Path) -> std::io::Result<BTreeMap<String, folder::Files>> {
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || folder::scan(&dir)).await.map_err(std::io::Error::other)?
}

/// Waits for a sign, and then until there are none for a while.
async fn quiet(signs: &mut mpsc::Receiver<()>) {
    if signs.recv().await.is_none() {
        // No watcher: only the regular look is left.
        return std::future::pending().await;
    }
    let until_quiet = async { while let Ok(Some(())) = tokio::time::timeout(QUIET, signs.recv()).await {} };
    drop(tokio::time::timeout(AT_MOST, until_quiet).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_there_what_comes_and_what_goes_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.wasm"), "1").unwrap();
        let (sender, mut changes) = mpsc::channel(16);
        let watching = tokio::spawn(watch(dir.path().to_owned(), sender));
        let mut next = async || {
            tokio::time::timeout(Duration::from_secs(20), changes.recv()).await.expect("a change is told").unwrap()
        };
        assert!(matches!(next().await, Difference::Changed(name, _) if name == "a"));
        assert_eq!(next().await, Difference::FirstLookOver);
        std::fs::write(dir.path().join("b.wasm"), "1").unwrap();
        assert!(matches!(next().await, Difference::Changed(name, _) if name == "b"));
        std::fs::remove_file(dir.path().join("a.wasm")).unwrap();
        assert_eq!(next().await, Difference::Removed("a".into()));
        drop(changes);
        watching.await.unwrap();
    }
}
