//! Core modules become components: what languages without component tooling of their own compile to. In this process, with
//! the contract's WIT where the module does not carry it, and with an adapter for WASI preview 1 that grants nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What a module finds in place of WASI preview 1: `adapter.wat`, assembled by the build script.
const ADAPTER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/adapter.wasm"));

/// Types of the adapter's own imports.
const ADAPTER_WIT: &str = include_str!("adapter.wit");

/// The name under which modules import WASI preview 1.
const PREVIEW1: &str = "wasi_snapshot_preview1";

/// Tools that know of components leave the contract's types in a section whose name begins so.
const TYPES: &str = "component-type";

/// Which world it is of, by an export that only this world has.
const WORLDS: [(&str, &str); 2] =
    [("wasmill:plugin/batch-processor@0.1.0#", "batch-plugin"), ("wasmill:plugin/processor@0.1.0#", "event-plugin")];

/// Why a core module does not become a component.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// It does not export what a plugin exports.
    #[error(
        "it exports neither wasmill:plugin/processor@0.1.0#process nor wasmill:plugin/batch-processor@0.1.0#process-batch, \
         and so it is no plugin: build it with the SDK of its language (`wasmill new` makes a project that does)"
    )]
    NoPlugin,
    /// An import or export of it is not as the contract has it, or it is broken.
    #[error("{0}")]
    Unfit(String),
}

/// Makes a component of a core module.
///
/// # Errors
/// Its imports or exports are not those of a plugin. The message names them.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, ComponentError> {
    // The encoder is made for the output of compilers; one that it stumbles over must not take the host along.
    catch_unwind(AssertUnwindSafe(|| encode(module))).unwrap_or_else(|_| {
        Err(ComponentError::Unfit("the module is broken in a way that no tool chain produces".into()))
    })
}

fn encode(module: &[u8]) -> Result<Vec<u8>, ComponentError> {
    let edge = Edge::of(module)?;
    let embedded;
    let module = if edge.has_types {
        module
    } else {
        embedded = with_types(module.to_vec(), wasmill_contract::WIT, edge.world.ok_or(ComponentError::NoPlugin)?)?;
        &embedded
    };
    let adapter = with_types(ADAPTER.to_vec(), ADAPTER_WIT, "adapter")?;
    let encoder = ComponentEncoder::default().validate(true).module(module).map_err(unfit)?;
    encoder.adapter(PREVIEW1, &adapter).map_err(unfit)?.encode().map_err(unfit)
}

/// The module with the types of a world in a section of their own.
fn with_types(mut module: Vec<u8>, wit: &str, world: &str) -> Result<Vec<u8>, ComponentError> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("plugin.wit", wit).map_err(|error| ComponentError::Unfit(format!("{error:#}")))?;
    let world = resolve.select_world(&[package], Some(world)).map_err(unfit)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(unfit)?;
    Ok(module)
}

fn unfit(error: impl Into<anyhow::Error>) -> ComponentError {
    ComponentError::Unfit(format!("{:#}", error.into()).replace('\n', " "))
}

/// What is told from a module's outer edge.
struct Edge {
    /// None: its exports are of no world.
    world: Option<&'static str>,
    /// Whether it brings its types along.
    has_types: bool,
}

impl Edge {
    fn of(module: &[u8]) -> Result<Edge, ComponentError> {
        let mut edge = Edge { world: None, has_types: false };
        for payload in wasmparser::Parser::new(0).parse_all(module) {
            match payload.map_err(unfit)? {
                wasmparser::Payload::ExportSection(exports) => {
                    for export in exports {
                        let name = export.map_err(unfit)?.name;
                        let world = WORLDS.iter().find(|(prefix, _)| name.starts_with(prefix));
                        edge.world = edge.world.or(world.map(|(_, world)| *world));
                    }
                }
                wasmparser::Payload::CustomSection(section) => edge.has_types |= section.name().starts_with(TYPES),
                _ => {}
            }
        }
        Ok(edge)
    }
}

#[cfg(test)]
mod tests;
