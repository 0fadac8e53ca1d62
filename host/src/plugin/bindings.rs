//! The only file that sees generated code: everyone else imports names from here. One set of types serves both worlds.

/// Generated from the world `event-plugin`.
#[allow(missing_docs, unsafe_code, clippy::all, clippy::pedantic)]
mod event_world {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "event-plugin",
        imports: { default: trappable },
    });
}

/// Generated from the world `batch-plugin`.
#[allow(missing_docs, unsafe_code, clippy::all, clippy::pedantic)]
mod batch_world {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "batch-plugin",
        imports: { default: trappable },
        with: {
            "wasmill:plugin/types": super::event_world::wasmill::plugin::types,
            "wasmill:plugin/log": super::event_world::wasmill::plugin::log,
        },
    });
}

pub use batch_world::exports::wasmill::plugin::{batch_processor, lifecycle as batch_lifecycle};
pub use batch_world::wasmill::plugin::state_reader;
pub use batch_world::{BatchPlugin, BatchPluginPre};
pub use event_world::exports::wasmill::plugin::lifecycle as event_lifecycle;
pub use event_world::wasmill::plugin::{context, log, state, timers, types};
pub use event_world::{EventPlugin, EventPluginPre};
