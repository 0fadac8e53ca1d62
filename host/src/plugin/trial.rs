//! Instances from nothing, and the questions that each is asked first.

use super::bindings::{BatchPlugin, EventPlugin, batch_lifecycle, event_lifecycle};
use super::engine::Engine;
use super::error::LoadError;
use super::inspect::Ready;
use super::instance::{Core, Terms, reason};
use super::module::About;
use super::output::Label;
use super::wiring::{Port, Sink, Wiring};
use crate::event::Reason;
use crate::state::StoreSpec;
use std::sync::Arc;

/// An instance that has not been configured.
pub(super) struct Fresh {
    pub(super) core: Core,
    pub(super) plugin: Plugin,
}

/// Of either world.
pub(super) enum Plugin {
    Event(EventPlugin),
    Batch(BatchPlugin),
}

impl Fresh {
    pub(super) fn start(
        engine: &Arc<Engine>,
        deadline_checks: bool,
        ready: &Ready,
        terms: Terms,
        label: &Arc<Label>,
    ) -> Result<Fresh, Reason> {
        let mut core = Core::new(engine, deadline_checks, terms, label);
        core.arm();
        let plugin = match ready {
            Ready::Event(pre) => pre.instantiate(&mut core.store).map(Plugin::Event),
            Ready::Batch(pre) => pre.instantiate(&mut core.store).map(Plugin::Batch),
        };
        match plugin {
            Ok(plugin) => Ok(Fresh { core, plugin }),
            Err(error) => Err(reason(&mut core, &error)),
        }
    }

    pub(super) fn describe(&mut self) -> Result<About, Reason> {
        self.core.arm();
        let store = &mut self.core.store;
        // The same record, generated once for each world.
        macro_rules! describe {
            ($plugin:expr) => {
                $plugin.wasmill_plugin_lifecycle().call_describe(store).map(|about| About {
                    name: about.name,
                    version: about.version,
                    description: about.description,
                    settings_schema: about.settings_schema,
                })
            };
        }
        let about = match &self.plugin {
            Plugin::Event(plugin) => describe!(plugin),
            Plugin::Batch(plugin) => describe!(plugin),
        };
        about.map_err(|error| reason(&mut self.core, &error))
    }

    pub(super) fn configure(&mut self, settings: &str) -> Result<Result<Wiring, String>, Reason> {
        self.core.arm();
        let store = &mut self.core.store;
        macro_rules! configure {
            ($plugin:expr, $lifecycle:ident) => {
                $plugin.wasmill_plugin_lifecycle().call_configure(store, settings).map(|answer| {
                    answer.map(|wiring| Wiring {
                        inputs: ports(wiring.inputs.into_iter().map(|port| (port.name, port.topic))),
                        sinks: wiring
                            .sinks
                            .into_iter()
                            .map(|sink| Sink {
                                port: Port { name: sink.name, topic: sink.topic },
                                last_of_commit: sink.emission == $lifecycle::Emission::LastOfCommit,
                            })
                            .collect(),
                        stores: wiring
                            .stores
                            .into_iter()
                            .map(|store| StoreSpec {
                                name: store.name,
                                ttl_ms: store.ttl_ms,
                                version: store.version,
                                keyed_by_event: store.keyed_by_event,
                            })
                            .collect(),
                    })
                })
            };
        }
        let answer = match &self.plugin {
            Plugin::Event(plugin) => configure!(plugin, event_lifecycle),
            Plugin::Batch(plugin) => configure!(plugin, batch_lifecycle),
        };
        answer.map_err(|error| reason(&mut self.core, &error))
    }
}

/// The wiring that `configure` declared, if it makes sense.
pub(super) fn wiring(fresh: &mut Fresh, settings: &str) -> Result<Wiring, LoadError> {
    let wiring = fresh.configure(settings).map_err(LoadError::Configure)?.map_err(LoadError::Settings)?;
    let problems = wiring.problems();
    if problems.is_empty() { Ok(wiring) } else { Err(LoadError::Wiring(problems)) }
}

fn ports(ports: impl Iterator<Item = (String, String)>) -> Vec<Port> {
    ports.map(|(name, topic)| Port { name, topic }).collect()
}
