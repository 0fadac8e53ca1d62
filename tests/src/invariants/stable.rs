//! The last stable offset moves: no transaction is left open for longer than the broker allows.

use super::evidence::{Broken, Evidence};
use super::history::{Ends, History};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

pub(super) const STABLE: &str = "the last stable offset moves";

pub(super) fn moves(history: &History, patience: Duration) -> Option<Broken> {
    let mut evidence = Evidence::against(STABLE);
    // Where each partition's stable offset was first seen behind the end, and not to move since.
    let mut stuck: BTreeMap<(&str, i32), &Ends> = BTreeMap::new();
    let mut told: BTreeMap<(&str, i32), i64> = BTreeMap::new();
    for now in &history.ends {
        let partition = (now.topic.as_str(), now.partition);
        if now.stable >= now.high {
            stuck.remove(&partition);
            continue;
        }
        let since = stuck.entry(partition).or_insert(now);
        if since.stable != now.stable {
            *since = now;
        }
        let waited = (now.at - since.at).saturating_sub(away(&history.outages, since.at..now.at));
        if waited > patience && told.insert(partition, now.stable) != Some(now.stable) {
            evidence.case(format!("{now:?} is where it was {waited:?} before, brokers that were away not counted"));
        }
    }
    evidence.broken()
}

/// How much of `time` was an outage.
fn away(outages: &[Range<Duration>], time: Range<Duration>) -> Duration {
    let within = |outage: &Range<Duration>| outage.end.min(time.end).saturating_sub(outage.start.max(time.start));
    outages.iter().map(within).sum()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{PATIENCE, broken_names, clean};
    use super::*;

    fn stands(history: &mut History, from: Duration, until: Duration) {
        for at in [from, until] {
            history.ends.push(Ends { at, topic: "out".into(), partition: 0, stable: 7, high: 9 });
        }
    }

    #[test]
    fn a_transaction_that_is_left_open_is_found() {
        let mut history = clean();
        let from = Duration::from_secs(100);
        stands(&mut history, from, from + PATIENCE);
        assert_eq!(broken_names(&history), [""; 0]);
        stands(&mut history, from, from + PATIENCE + Duration::from_millis(1));
        assert_eq!(broken_names(&history), [STABLE]);
        // A broker that is away cannot end one.
        history.outages.push(from..from + Duration::from_secs(1));
        assert_eq!(broken_names(&history), [""; 0]);
    }
}
