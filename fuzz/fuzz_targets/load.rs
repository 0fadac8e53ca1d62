//! Any bytes as a file in the plugins folder: refused with a reason, or taken, and then given an event.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use std::time::Duration;
use wasmill::config::PluginConfig;
use wasmill::event::Failure;
use wasmill::plugin::guest::Spawn;
use wasmill::plugin::{Engine, Loader};
use wasmill_contract::{Batch, Limits};

static LOADER: LazyLock<Loader> = LazyLock::new(|| {
    Loader::new(Engine::new().expect("an engine"), None).with_start_deadline(Duration::from_millis(200))
});

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("p.wasm");
    std::fs::write(&file, bytes).expect("a file");
    let mut config = PluginConfig::default();
    config.limits.memory = 4 << 20;
    config.limits.deadline = Some(Duration::from_millis(100));
    let Ok(module) = LOADER.load("p", &file, &config) else { return };
    let Ok(mut guest) = module.spawn() else { return };
    let mut batch = Batch::default();
    batch.push(0, 1, Some(b"k"), Some(b"v"), [].into_iter());
    let outcome = guest.process(&mut batch, &mut None);
    let limits = Limits::default();
    // Whatever it answers is believed only after this.
    let _ = outcome.answer.effects().check(&batch, &module.scope(), &limits, Failure::kind);
    assert!(guest.memory_bytes() <= config.limits.memory);
});
