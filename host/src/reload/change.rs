//! Whether a new module or configuration can take over between two commits.

use crate::config::PluginConfig;
use crate::state::StoreSpec;

/// How a new module comes to work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Its instances take the place of the old ones at a commit; consumers and tasks stay.
    Swap,
    /// Workers stop at a commit and start again; why.
    Restart(String),
}

/// What a plugin's workers are made for.
#[derive(Debug, Clone, PartialEq)]
pub struct Footing {
    /// Input → topics, in the wiring's order.
    pub inputs: Vec<(String, Vec<String>)>,
    /// Sink → topic, in the wiring's order.
    pub sinks: Vec<(String, String)>,
    /// Of which sinks only the last output of each key goes out, once a commit; in the wiring's order.
    pub last_of_commit: Vec<bool>,
    /// In the wiring's order.
    pub stores: Vec<StoreSpec>,
    /// The configuration.
    pub config: PluginConfig,
}

/// What it takes to go from `old` to `new`.
pub fn change(old: &Footing, new: &Footing) -> Change {
    if old.inputs != new.inputs {
        return Change::Restart("its inputs changed".into());
    }
    if old.sinks != new.sinks || old.last_of_commit != new.last_of_commit {
        return Change::Restart("its sinks changed".into());
    }
    if old.stores != new.stores {
        return Change::Restart("its stores changed".into());
    }
    // Settings belong to the instance, which is new anyway.
    let same_settings = PluginConfig { settings: new.config.settings.clone(), ..old.config.clone() };
    if same_settings != new.config {
        return Change::Restart("its configuration changed".into());
    }
    Change::Swap
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footing(change: impl FnOnce(&mut Footing)) -> Footing {
        let mut footing = Footing {
            inputs: vec![("orders".into(), vec!["shop.orders".into()])],
            sinks: vec![("alerts".into(), "alerts".into())],
            last_of_commit: vec![false],
            stores: vec![StoreSpec { name: "totals".into(), ttl_ms: None, version: 0, keyed_by_event: false }],
            config: PluginConfig::default(),
        };
        change(&mut footing);
        footing
    }

    #[test]
    fn a_new_module_or_new_settings_swap_and_anything_else_restarts() {
        let old = footing(|_| {});
        let settings = footing(|new| drop(new.config.settings.insert("threshold".into(), 400.into())));
        assert_eq!(change(&old, &old), Change::Swap);
        assert_eq!(change(&old, &settings), Change::Swap);
        for (new, why) in [
            (footing(|new| new.inputs[0].1.push("more".into())), "inputs"),
            (footing(|new| new.sinks.clear()), "sinks"),
            (footing(|new| new.last_of_commit[0] = true), "sinks"),
            (footing(|new| new.stores[0].version = 1), "stores"),
            (footing(|new| new.config.workers = 2), "configuration"),
        ] {
            assert!(matches!(change(&old, &new), Change::Restart(reason) if reason.contains(why)));
        }
    }
}
