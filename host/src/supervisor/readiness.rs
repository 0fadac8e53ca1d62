//! What is in the way of the host's work.

use crate::admin::{PluginStatus, State};
use crate::kafka::client::Outage;
use std::time::Duration;

/// Brokers that are away for less are no reason: one that is restarted is missed by nobody.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// The state of the host as a whole: a sentence for each thing that is in the way.
pub(super) fn reasons(plugins: &[PluginStatus], outage: Option<Outage>, brokers: &str) -> Vec<String> {
    let outage = outage.filter(|outage| outage.lasts >= BACK_WITHIN);
    let brokers = outage
        .map(|Outage { lasts, why }| format!("no broker has answered at {brokers} for {} s: {why}", lasts.as_secs()));
    brokers.into_iter().chain(plugins.iter().filter_map(waiting)).chain(idle(plugins)).collect()
}

/// A plugin that does not run, but will.
fn waiting(plugin: &PluginStatus) -> Option<String> {
    let what = match plugin.state {
        State::Starting => "is starting",
        State::Restarting => "waits to be started again",
        State::Running | State::Paused | State::Failed | State::Stopped | State::Refused => return None,
    };
    let why = plugin.error.as_ref().map(|problem| format!(": {}", problem.message)).unwrap_or_default();
    Some(format!("plugin {} {what}{why}", plugin.name))
}

/// One broken plugin of many is no reason to take a host out of service. If none is left, it does nothing.
fn idle(plugins: &[PluginStatus]) -> Option<String> {
    let should_run = || plugins.iter().filter(|plugin| !matches!(plugin.state, State::Paused | State::Stopped));
    let broken: Vec<&str> = should_run()
        .filter(|plugin| matches!(plugin.state, State::Failed | State::Refused))
        .map(|plugin| plugin.name.as_str())
        .collect();
    (!broken.is_empty() && broken.len() == should_run().count())
        .then(|| format!("no plugin runs that should ({}): GET /plugins says why", broken.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{Counters, Problem, Timestamp};

    fn plugin(name: &str, state: State) -> PluginStatus {
        PluginStatus {
            name: name.to_owned(),
            state,
            version: None,
            description: None,
            sha256: None,
            world: None,
            loaded_at: None,
            inputs: vec![],
            sinks: vec![],
            dead_letter_topic: None,
            workers: vec![],
            loading: false,
            pinned: false,
            refused: None,
            error: None,
            counters: Counters::default(),
        }
    }

    fn check(states: &[(&str, State)], expected: &[&str]) {
        let plugins: Vec<PluginStatus> = states.iter().map(|(name, state)| plugin(name, *state)).collect();
        assert_eq!(reasons(&plugins, None, "localhost:9092"), expected, "{states:?}");
    }

    #[test]
    fn a_host_with_nothing_to_do_or_some_work_is_ready() {
        check(&[], &[]);
        check(&[("fraud", State::Running), ("retail", State::Paused)], &[]);
        check(&[("fraud", State::Paused)], &[]);
    }

    #[test]
    fn a_plugin_that_will_run_is_waited_for() {
        check(&[("fraud", State::Running), ("retail", State::Starting)], &["plugin retail is starting"]);
        let message = "no such group".to_owned();
        let error = Some(Problem { at: Timestamp::now(), message });
        let restarting = PluginStatus { error, ..plugin("fraud", State::Restarting) };
        let expected = ["plugin fraud waits to be started again: no such group"];
        assert_eq!(reasons(&[restarting], None, "localhost:9092"), expected);
    }

    #[test]
    fn a_broken_plugin_counts_when_no_other_runs() {
        check(&[("fraud", State::Running), ("retail", State::Refused)], &[]);
        let expected = "no plugin runs that should (fraud, retail): GET /plugins says why";
        check(&[("fraud", State::Failed), ("payment", State::Paused), ("retail", State::Refused)], &[expected]);
    }

    #[test]
    fn brokers_count_when_they_are_away_for_longer_than_a_restart_of_one_takes() {
        let outage = |seconds| Some(Outage { lasts: Duration::from_secs(seconds), why: "Connection refused".into() });
        let running = [plugin("fraud", State::Running)];
        assert!(reasons(&running, outage(4), "localhost:9092").is_empty());
        let expected = ["no broker has answered at localhost:9092 for 12 s: Connection refused"];
        assert_eq!(reasons(&running, outage(12), "localhost:9092"), expected);
    }
}
