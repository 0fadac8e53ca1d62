//! A plugin's file comes or changes: what is done about it, and what is told if it is not taken.

use super::plugin::Actor;
use super::refusal::{Certainty, Refusal};
use crate::admin::{ControlError, RefusedModule, Timestamp};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// A file that is no whole module may be being written. One that has not changed for so long is not: then it is refused.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// A file that is waited for.
pub(super) struct Unfinished {
    sha256: Option<String>,
    until: Instant,
}

impl Actor {
    /// The file or its configuration has changed.
    pub(super) async fn file_changed(&mut self) {
        self.look_at_file(true).await;
    }

    /// Ready when a file that is waited for has had its time; never if there is none.
    pub(super) async fn written(unfinished: &Option<Unfinished>) {
        match unfinished {
            Some(unfinished) => tokio::time::sleep_until(unfinished.until).await,
            None => std::future::pending().await,
        }
    }

    /// A file that was waited for is taken for what it is, unless it has changed without a sign.
    pub(super) async fn file_written(&mut self) {
        let (Some(unfinished), Some(files)) = (self.unfinished.take(), &self.files) else { return };
        let changed = sha256_of(&files.module).await != unfinished.sha256;
        self.look_at_file(changed).await;
    }

    async fn look_at_file(&mut self, may_be_unfinished: bool) {
        self.unfinished = None;
        let Some(files) = self.files.clone() else { return };
        let sha256 = sha256_of(&files.module).await;
        let pinned = self.history.pinned();
        if pinned.is_some() && pinned == sha256 {
            self.view.lock().pinned = true;
            tracing::info!(plugin = &*self.name, "a rollback holds: the module before is used until the file changes");
            if let Err(refusal) = self.take(self.history.current(), "started").await {
                self.refuse(refusal, sha256);
            }
            return;
        }
        self.unpin();
        let Err(refusal) = self.take(files.module, "started").await else { return };
        if refusal.certainty == Certainty::Overtaken || (may_be_unfinished && self.wait_for(&refusal, &sha256)) {
            return;
        }
        self.refuse(refusal, sha256);
        if self.deployed.is_none() && self.history.current().exists() && !self.view.lock().failed {
            tracing::warn!(plugin = &*self.name, "the last module that worked is used until the file is repaired");
            let refused = self.view.lock().refused.clone();
            if let Err(refusal) = self.take(self.history.current(), "started").await {
                tracing::warn!(plugin = &*self.name, "the last module that worked is refused too: {}", refusal.message);
            }
            self.view.lock().refused = refused;
        }
    }

    /// Reads the file again, whether it has changed or not.
    pub(super) async fn reload(&mut self) -> Result<String, ControlError> {
        let Some(files) = self.files.clone() else {
            return Err(ControlError::Conflict("its file has not been read yet".into()));
        };
        self.unpin();
        self.unfinished = None;
        let sha256 = sha256_of(&files.module).await;
        match self.take(files.module, "started").await {
            Ok(what) => Ok(what),
            Err(refusal) => {
                let message = refusal.message.clone();
                if !self.wait_for(&refusal, &sha256) {
                    self.refuse(refusal, sha256);
                }
                Err(ControlError::Failed(message))
            }
        }
    }

    /// Goes back to the module before, and holds it until the file changes.
    pub(super) async fn roll_back(&mut self) -> Result<String, ControlError> {
        if self.history.pinned().is_some() {
            return Err(ControlError::Conflict(
                "it is rolled back already, until its file changes or it is reloaded".into(),
            ));
        }
        if !self.history.previous().exists() {
            return Err(ControlError::Conflict("no module ran before this one".into()));
        }
        let left_aside = match &self.files {
            Some(files) => sha256_of(&files.module).await.unwrap_or_default(),
            None => String::new(),
        };
        let failed = |message| Err(ControlError::Failed(message));
        let loaded = match self.load(self.history.previous()).await {
            Ok(loaded) => loaded,
            Err(refusal) => return failed(format!("the module before is refused: {}", refusal.message)),
        };
        match self.deploy(&loaded, "rolled-back").await {
            Ok(what) => {
                self.unfinished = None;
                if let Err(error) = self.history.pin(&left_aside) {
                    return failed(format!("it is rolled back, but a restart would not know of it: {error}"));
                }
                self.view.lock().pinned = true;
                Ok(format!("{what}; it is held until the file changes"))
            }
            Err(refusal) => failed(refusal.message),
        }
    }

    fn unpin(&mut self) {
        self.view.lock().pinned = false;
        if let Err(error) = self.history.unpin() {
            tracing::warn!(plugin = &*self.name, "the rollback could not be lifted: {error}");
        }
    }

    /// Loads a file and puts it to work; says what was done.
    async fn take(&mut self, file: PathBuf, started: &'static str) -> Result<String, Refusal> {
        let loaded = self.load(file).await?;
        let done = self.deploy(&loaded, started).await?;
        if let Err(error) = self.history.keep(&loaded.bytes) {
            tracing::warn!(plugin = &*self.name, "there will be no rollback to this module: it can't be kept: {error}");
        }
        Ok(done)
    }

    /// Whether the file is probably being written: then its next change, or some time without one, is waited for.
    fn wait_for(&mut self, refusal: &Refusal, sha256: &Option<String>) -> bool {
        if refusal.certainty != Certainty::Unfinished {
            return false;
        }
        let Refusal { code, message, .. } = refusal;
        tracing::info!(plugin = &*self.name, code, "not taken yet: {message}{}", self.goes_on());
        self.unfinished = Some(Unfinished { sha256: sha256.clone(), until: Instant::now() + WRITTEN_WITHIN });
        true
    }

    /// The old module, if there is one, goes on; the reason is in the log, in the status and in a metric.
    fn refuse(&mut self, refusal: Refusal, sha256: Option<String>) {
        let Refusal { code, message, certainty } = refusal;
        if certainty == Certainty::Overtaken {
            return;
        }
        tracing::error!(plugin = &*self.name, code, "refused: {message}{}", self.goes_on());
        self.view.metrics.reload("refused");
        self.parts.metrics.module_refused(&self.name, code);
        self.view.lock().refused = Some(RefusedModule {
            at: Timestamp::now(),
            sha256: sha256.unwrap_or_default(),
            code: code.to_owned(),
            message,
        });
    }

    fn goes_on(&self) -> String {
        let version = self.deployed.as_ref().map(|deployed| deployed.module.version());
        version.map(|version| format!("; version {version} goes on")).unwrap_or_default()
    }
}

async fn sha256_of(file: &Path) -> Option<String> {
    let file = file.to_owned();
    let digest = move || {
        let bytes = std::fs::read(file).ok()?;
        Some(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    };
    tokio::task::spawn_blocking(digest).await.ok()?
}
