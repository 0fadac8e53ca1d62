//! Reads alerts and dead letters, as any consumer of the sink topics would.

use crate::config::Start;
use crate::event::Partition;
use crate::kafka::client::ClientSettings;
use crate::kafka::consumer::{Consumer, ConsumerSpec};
use crate::kafka::edge::{Inbox, Rebalance, Source};
use anyhow::{Context, Result, anyhow};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wasmill_contract::{Batch, EventRef};

/// So many of each topic are kept to be shown.
const SHOWN: usize = 4;

/// What was read of one topic.
#[derive(Default)]
pub struct Seen {
    /// How many.
    pub count: u64,
    /// The last ones, as a person wants to read them.
    pub last: VecDeque<String>,
}

/// A thread that reads as long as the process lives.
pub struct Watch {
    seen: Arc<Mutex<[Seen; 2]>>,
}

impl Watch {
    /// Reads the topic of alerts and the one of dead letters.
    pub fn start(kafka: &ClientSettings, topics: Vec<String>) -> Result<Self> {
        let spec = ConsumerSpec {
            group: "demo-screen".into(),
            client_id: "demo-screen".into(),
            topics,
            start: Start::Earliest,
        };
        let consumer = Consumer::new(kafka, spec).map_err(|error| anyhow!("{error}"))?;
        let seen: Arc<Mutex<[Seen; 2]>> = Arc::default();
        let shared = seen.clone();
        std::thread::Builder::new()
            .name("demo-screen".into())
            .spawn(move || read(consumer, &shared))
            .context("no thread for the screen")?;
        Ok(Watch { seen })
    }

    /// Alerts and dead letters.
    pub fn seen(&self) -> MutexGuard<'_, [Seen; 2]> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Read(BTreeMap<Partition, Batch>);

impl Inbox for Read {
    fn columns(&mut self, at: Partition) -> Option<&mut Batch> {
        Some(self.0.entry(at).or_default())
    }
}

fn read(mut consumer: Consumer, seen: &Mutex<[Seen; 2]>) {
    loop {
        let mut read = Read::default();
        let polled = consumer.poll(500, Duration::from_millis(200), &mut read);
        let followed = polled.and_then(|rebalance| match rebalance {
            Some(Rebalance::Assigned(partitions)) => consumer.assign(&partitions).map(drop),
            Some(Rebalance::Revoked(partitions)) => consumer.unassign(&partitions, false),
            Some(Rebalance::Lost(partitions)) => consumer.unassign(&partitions, true),
            None => Ok(()),
        });
        if let Err(error) = followed {
            tracing::warn!("the demo's screen can't read any more: {error}");
            return;
        }
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, batch) in &read.0 {
            let seen = &mut seen[at.topic];
            for event in batch.events() {
                seen.count += 1;
                seen.last.push_front(if at.topic == 0 { alert(&event) } else { dead_letter(&event) });
            }
            seen.last.truncate(SHOWN);
        }
    }
}

fn alert(event: &EventRef<'_>) -> String {
    let order: serde_json::Value = event.value.and_then(|value| serde_json::from_slice(value).ok()).unwrap_or_default();
    let text = |field: &str| order[field].as_str().unwrap_or("?").to_owned();
    format!("{:<14} {:>9} {} from {}", text("order_id"), order["amount"].to_string(), text("currency"), text("country"))
}

fn dead_letter(event: &EventRef<'_>) -> String {
    let header = |wanted: &str| {
        let found = event.headers.clone().find(|(name, _)| *name == wanted.as_bytes());
        found.and_then(|(_, value)| value).map(String::from_utf8_lossy).unwrap_or_default()
    };
    let key = event.key.map(String::from_utf8_lossy).unwrap_or_default();
    format!("{key:<14} {}: {}", header("wasmill-code"), header("wasmill-message"))
}
