//! From a file to a module: read, told apart, compiled (or taken from the cache), checked, and tried out.

use super::binary::{self, Kind};
use super::cache::{AotCache, hex};
use super::compile::{For, compiling};
use super::component::componentize;
use super::engine::Engine;
use super::error::LoadError;
use super::inspect::{self, Edge, Ready};
use super::instance::Terms;
use super::module::{About, Factory, Module, START_DEADLINE, label};
use super::output::Gate;
use super::trial::{self, Fresh};
use super::wiring::Wiring;
use crate::config::PluginConfig;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::Component;

/// Stack of the thread on which a module is tried out: what it may use, and as much for the host.
const TRIAL_STACK: usize = 8 << 20;

/// Digits of the checksum that stand behind a version.
const SHORT: usize = 8;

/// Loads modules.
pub struct Loader {
    engine: Arc<Engine>,
    cache: Option<AotCache>,
    start_deadline: Duration,
    whom: For,
}

/// A file that was looked at, step by step: how far it got, and why it got no further.
pub struct Loaded {
    /// Bytes.
    pub size: u64,
    /// Of the file, in hexadecimal.
    pub sha256: String,
    /// What the bytes are.
    pub kind: Kind,
    /// Languages and tools that it says it was made with: name → version.
    pub made_with: BTreeMap<String, String>,
    /// What it imports, if it compiled.
    pub imports: Vec<String>,
    /// What it exports, if it compiled.
    pub exports: Vec<String>,
    /// The module, or the first reason to refuse it.
    pub module: Result<Arc<Module>, LoadError>,
}

/// Compiled machine code.
struct Compiled {
    component: Component,
    from_cache: bool,
}

/// The file's bytes, and their checksum.
struct Source<'a> {
    bytes: &'a [u8],
    kind: Kind,
    sha256: [u8; 32],
}

impl Loader {
    /// Without a cache every module is compiled each time. It compiles on all cores, and tells standard error when that takes
    /// long.
    pub fn new(engine: Arc<Engine>, cache: Option<AotCache>) -> Loader {
        Loader { engine, cache, start_deadline: START_DEADLINE, whom: For::Command }
    }

    /// The same where events are handled meanwhile: they come first, and what takes long is told in the log.
    pub fn beside_events(self) -> Loader {
        Loader { whom: For::Host, ..self }
    }

    /// The same with another bound for a module's start, its `describe` and its `configure` (10 s each).
    pub fn with_start_deadline(self, deadline: Duration) -> Loader {
        Loader { start_deadline: deadline, ..self }
    }

    /// Makes a module of a file, or says why not. `name` is the plugin's. Takes as long as compiling and trying out take
    /// (tens of milliseconds for Rust, seconds for large runtimes): not for an async thread.
    pub fn load(&self, name: &str, file: &Path, config: &PluginConfig) -> Result<Arc<Module>, LoadError> {
        self.inspect(name, file, config)?.module
    }

    /// As [`Loader::load`], and tells what it found on the way. The error is a file that cannot be read.
    pub fn inspect(&self, name: &str, file: &Path, config: &PluginConfig) -> Result<Loaded, LoadError> {
        let bytes = std::fs::read(file).map_err(|source| LoadError::Unreadable { path: file.to_owned(), source })?;
        let kind = binary::kind(&bytes);
        let source = Source { bytes: &bytes, kind, sha256: Sha256::digest(&bytes).into() };
        let mut edge = Edge::default();
        let module = whole(kind, &bytes).and_then(|()| self.module(name, &source, config, &mut edge));
        Ok(Loaded {
            size: bytes.len() as u64,
            sha256: hex(&source.sha256),
            kind,
            made_with: binary::made_with(&bytes),
            imports: edge.imports,
            exports: edge.exports,
            module,
        })
    }

    fn module(
        &self,
        name: &str,
        source: &Source<'_>,
        config: &PluginConfig,
        edge: &mut Edge,
    ) -> Result<Arc<Module>, LoadError> {
        let checked = self.compile(name, source, true)?;
        *edge = inspect::edge(self.engine.runtime(true), &checked.component);
        let tried = inspect::ready(self.engine.runtime(true), &checked.component)?;
        let settings = serde_json::Value::Object(config.settings.clone()).to_string();
        let gate = Arc::new(Gate::new(config.limits.log_lines));
        let digest = hex(&source.sha256);
        let (about, wiring) = self.try_out(name, &tried, config, &settings, &gate, &digest[..SHORT])?;
        let resolved = wiring.resolve(config).map_err(LoadError::Wiring)?;
        // The trial above was on code with checks in any case: without them a `configure` that never returns would take
        // a thread with it. What it costs, a second compilation, the cache saves from the second time on.
        let deadline_checks = config.limits.deadline.is_some();
        let (ready, from_cache) = if deadline_checks {
            (tried, checked.from_cache)
        } else {
            let unchecked = self.compile(name, source, false)?;
            (inspect::ready(self.engine.runtime(false), &unchecked.component)?, unchecked.from_cache)
        };
        let version = match about.version.as_str() {
            "" => digest[..SHORT].to_owned(),
            version => format!("{version}+{}", &digest[..SHORT]),
        };
        Ok(Arc::new(Module {
            name: name.to_owned(),
            sha256: digest,
            size: source.bytes.len() as u64,
            about,
            world: ready.world(),
            imports: edge.imports.clone(),
            exports: edge.exports.clone(),
            wiring,
            resolved,
            from_cache,
            factory: Factory {
                engine: self.engine.clone(),
                ready,
                deadline_checks,
                settings,
                terms: Terms::of(config),
                label: label(name, version, &gate),
            },
        }))
    }

    fn compile(&self, name: &str, source: &Source<'_>, deadline_checks: bool) -> Result<Compiled, LoadError> {
        let engine = &self.engine.runtime(deadline_checks).engine;
        if let Some(component) = self.cache.as_ref().and_then(|cache| cache.load(engine, &source.sha256)) {
            return Ok(Compiled { component, from_cache: true });
        }
        let component = compiling(self.whom, name, source.bytes.len(), || {
            let component = match source.kind {
                Kind::CoreModule => Cow::Owned(componentize(source.bytes)?),
                _ => Cow::Borrowed(source.bytes),
            };
            let component = Component::new(engine, &component).map_err(compile_error)?;
            if let Some(cache) = &self.cache {
                cache.keep(engine, &source.sha256, &component);
            }
            Ok(component)
        })?;
        Ok(Compiled { component, from_cache: false })
    }

    /// On a thread of its own: the caller's may have little stack, or be one that must not wait.
    fn try_out(
        &self,
        name: &str,
        ready: &Ready,
        config: &PluginConfig,
        settings: &str,
        gate: &Arc<Gate>,
        version: &str,
    ) -> Result<(About, Wiring), LoadError> {
        let terms = Terms { deadline: Some(self.start_deadline), ..Terms::of(config) };
        let trial = || {
            let label = label(name, version.to_owned(), gate);
            let mut fresh = Fresh::start(&self.engine, true, ready, terms, &label).map_err(LoadError::Start)?;
            let about = fresh.describe().map_err(LoadError::Describe)?;
            Ok((about, trial::wiring(&mut fresh, settings)?))
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("plugin-trial".into()).stack_size(TRIAL_STACK);
            let thread = thread.spawn_scoped(scope, trial).map_err(|error| LoadError::Host(error.to_string()))?;
            thread.join().unwrap_or_else(|_| Err(LoadError::Host("trying it out panicked; this is a bug".into())))
        })
    }
}

/// The name that a module's bytes have in a host's status: their checksum, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn whole(kind: Kind, bytes: &[u8]) -> Result<(), LoadError> {
    let what = match kind {
        Kind::Component | Kind::CoreModule => return Ok(()),
        Kind::Incomplete if bytes.is_empty() => "the file is empty".to_owned(),
        Kind::Incomplete => format!("the file breaks off after {} bytes", bytes.len()),
        Kind::Garbage => "the file is not WebAssembly".to_owned(),
    };
    Err(LoadError::Incomplete { what })
}

fn compile_error(error: wasmtime::Error) -> LoadError {
    let text = inspect::chain(&error);
    // Without it wasmtime does not so much as read an async function's type: there is no export to name.
    if text.contains("component model async") { LoadError::AsyncExport(text) } else { LoadError::Compile(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(bytes: &[u8]) -> LoadError {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plugin.wasm");
        std::fs::write(&file, bytes).unwrap();
        Loader::new(Engine::new().unwrap(), None).load("plugin", &file, &PluginConfig::default()).unwrap_err()
    }

    #[test]
    fn a_core_module_that_is_no_plugin_is_refused_with_what_to_do() {
        let error = load(b"\0asm\x01\0\0\0");
        assert_eq!(error.code(), "not-a-component");
        assert!(error.to_string().contains("build it with the SDK of its language"), "{error}");
        assert!(!error.is_incomplete());
    }

    #[test]
    fn half_a_file_is_waited_for() {
        for bytes in [&b""[..], b"\0as", b"\0asm\x0d\0\x01\0\x01\xff\x01abc", b"neither fish nor fowl"] {
            let error = load(bytes);
            assert_eq!((error.code(), error.is_incomplete()), ("incomplete", true), "{error}");
        }
    }

    /// A component that imports the contract's log with one function `enabled`, which has neither arguments nor a result.
    /// `kind` is what such a function's type begins with: 0x40, or 0x43 if it is async.
    fn imports_enabled(kind: u8) -> Vec<u8> {
        let name = |name: &str| [&[0, name.len() as u8], name.as_bytes()].concat();
        let section = |id: u8, payload: &[&[u8]]| {
            let payload = payload.concat();
            [&[id, payload.len() as u8], &payload[..]].concat()
        };
        let (types, imports) = (7, 10);
        let instance = [0x42, 2];
        let function = [0x01, kind, 0, 0x01, 0];
        let export = [&[0x04][..], &name("enabled"), &[0x01, 0]].concat();
        let imported = [name("wasmill:plugin/log@0.1.0"), vec![0x05, 0]].concat();
        [
            b"\0asm\x0d\0\x01\0".to_vec(),
            section(types, &[&[1], &instance, &function, &export]),
            section(imports, &[&[1], &imported]),
        ]
        .concat()
    }

    #[test]
    fn a_granted_import_of_another_shape_is_refused_and_named() {
        let error = load(&imports_enabled(0x40));
        assert_eq!((error.code(), error.is_incomplete()), ("import-mismatch", false), "{error}");
        let said = error.to_string();
        assert!(said.contains("wasmill:plugin/log@0.1.0") && said.contains("`enabled`"), "{said}");
        assert!(said.contains("Build it against the wit/ folder of this version"), "{said}");
    }

    #[test]
    fn async_functions_are_refused_with_what_to_do() {
        let error = load(&imports_enabled(0x43));
        assert_eq!((error.code(), error.is_incomplete()), ("async-export", false), "{error}");
        assert!(error.to_string().contains("build it without async"), "{error}");
    }

    #[test]
    fn a_component_that_is_no_plugin_is_of_the_wrong_world() {
        let error = load(b"\0asm\x0d\0\x01\0");
        assert_eq!(error.code(), "wrong-world");
        assert!(error.to_string().contains("it exports nothing"), "{error}");
    }

    #[test]
    fn a_missing_file_is_unreadable() {
        let loader = Loader::new(Engine::new().unwrap(), None);
        let error = loader.load("p", Path::new("/nowhere/p.wasm"), &PluginConfig::default()).unwrap_err();
        assert_eq!(error.code(), "unreadable");
        assert!(error.to_string().starts_with("/nowhere/p.wasm cannot be read"), "{error}");
    }
}
