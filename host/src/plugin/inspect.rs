//! What a compiled component imports and exports, and which world it belongs to.

use super::bindings::{BatchPluginPre, EventPluginPre};
use super::engine::{Runtime, is_granted};
use super::error::LoadError;
use super::instance::HostState;
use super::module::World;
use wasmtime::component::Component;

const EVENT_EXPORT: &str = "wasmill:plugin/processor@0.1.";
const BATCH_EXPORT: &str = "wasmill:plugin/batch-processor@0.1.";
const PACKAGE: &str = "wasmill:plugin/";

/// A component whose imports are there and whose exports are those of a world.
#[derive(Clone)]
pub(super) enum Ready {
    Event(EventPluginPre<HostState>),
    Batch(BatchPluginPre<HostState>),
}

/// The names at its outer edge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

impl Ready {
    pub(super) fn world(&self) -> World {
        match self {
            Ready::Event(_) => World::Event,
            Ready::Batch(_) => World::Batch,
        }
    }
}

pub(super) fn edge(runtime: &Runtime, component: &Component) -> Edge {
    let types = component.component_type();
    Edge {
        imports: types.imports(&runtime.engine).map(|(name, _)| name.to_owned()).collect(),
        exports: types.exports(&runtime.engine).map(|(name, _)| name.to_owned()).collect(),
    }
}

/// Checks imports by name first, so that the message can list all that is refused; then shapes; then the world.
pub(super) fn ready(runtime: &Runtime, component: &Component) -> Result<Ready, LoadError> {
    let edge = edge(runtime, component);
    let forbidden: Vec<String> = edge.imports.iter().filter(|import| !is_granted(import)).cloned().collect();
    if !forbidden.is_empty() {
        return Err(LoadError::ForbiddenImport(forbidden));
    }
    let pre = runtime.linker.instantiate_pre(component).map_err(|error| LoadError::ImportMismatch(chain(&error)))?;
    let world = |error: wasmtime::Error| {
        LoadError::WrongWorld(format!(
            "its exports are not those of the contract: {}. Build it against the wit/ folder of this version",
            chain(&error)
        ))
    };
    if edge.exports.iter().any(|export| export.starts_with(BATCH_EXPORT)) {
        return BatchPluginPre::new(pre).map(Ready::Batch).map_err(world);
    }
    if edge.exports.iter().any(|export| export.starts_with(EVENT_EXPORT)) {
        return EventPluginPre::new(pre).map(Ready::Event).map_err(world);
    }
    Err(LoadError::WrongWorld(no_world(&edge.exports)))
}

fn no_world(exports: &[String]) -> String {
    let found = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
    let hint = if exports.iter().any(|export| export.starts_with(PACKAGE)) {
        "it was built against another version of the contract: build it against the wit/ folder of this version"
    } else {
        "it is no plugin: build it for the world event-plugin or batch-plugin, or take it out of the plugins folder"
    };
    format!(
        "it exports {found}, and a plugin exports wasmill:plugin/lifecycle@0.1 with either wasmill:plugin/processor@0.1 or \
         wasmill:plugin/batch-processor@0.1; {hint}"
    )
}

/// An error with all that led to it, on one line.
pub(super) fn chain(error: &wasmtime::Error) -> String {
    format!("{error:#}").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_of_another_world_hears_what_a_plugin_exports() {
        let message = no_world(&["wasi:cli/run@0.2.6".into()]);
        assert!(message.contains("exports wasi:cli/run@0.2.6") && message.contains("it is no plugin"), "{message}");
        let message = no_world(&["wasmill:plugin/processor@0.2.0".into()]);
        assert!(message.contains("another version of the contract"), "{message}");
    }
}
