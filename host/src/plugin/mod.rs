//! All of WebAssembly that the host knows: nothing outside this folder names wasmtime. A [`Loader`] turns a file into a
//! checked [`Module`], and a module makes configured instances, which the worker knows only as a [`guest::Guest`].

pub mod binary;
pub mod cache;
pub mod component;
pub mod guest;
pub mod load;
pub mod module;
pub mod wiring;

mod bindings;
mod compile;
mod engine;
mod error;
#[cfg(test)]
mod hostile;
mod inspect;
mod instance;
mod output;
#[cfg(test)]
mod testing;
mod trial;

pub use cache::AotCache;
pub use engine::{Engine, EngineError};
pub use error::LoadError;
pub use load::{Loaded, Loader, sha256};
pub use module::{About, Module, World};
pub use wiring::{Port, Resolved, Sink, Wiring};
