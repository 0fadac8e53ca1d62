//! Events from Kafka for a test: the last ones of a topic, or those that the plugin could not process.

use super::super::run::RunArgs;
use crate::app::DeadLetters;
use crate::config::Config;
use crate::kafka::client::ClientSettings;
use crate::kafka::tail::Tail;
use crate::lines::{Event, event_line};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A topic whose end is not reached by then has a broker that does not answer.
const READ_WITHIN: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where events come from, if not from a file.
#[derive(Debug, clap::Args)]
pub(super) struct CaptureArgs {
    /// Take the events from a topic: its last ones
    #[arg(long, value_name = "TOPIC", conflicts_with_all = ["input", "from_dlq"])]
    from_topic: Option<String>,

    /// Take the events from the plugin's dead letters: those that have not been sent back
    #[arg(long, conflicts_with = "input")]
    from_dlq: bool,

    /// At most so many events of the topic, or of the dead letters
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..))]
    last: u32,

    /// Keep the events and what came of them as a golden case: a new folder, such as golden/from-orders
    #[arg(long, value_name = "DIR", conflicts_with = "input")]
    save: Option<PathBuf>,

    #[command(flatten)]
    run: RunArgs,
}

impl CaptureArgs {
    /// Whether events come from Kafka.
    pub(super) fn is_asked_for(&self) -> bool {
        self.from_topic.is_some() || self.from_dlq
    }

    /// Where the events come from, for messages, and the events, numbered from 1 on.
    pub(super) fn events(&self, plugin: &str) -> Result<(String, Vec<(usize, Event)>)> {
        let config = Config::load(self.run.config.as_deref(), &self.run.overrides())?;
        let (from, events) = match &self.from_topic {
            Some(topic) => (topic.clone(), last_of(&config, topic, self.last as usize)?),
            None => {
                let letters = DeadLetters::new(&config, plugin)?;
                let mut events = vec![];
                letters.list(false, |letter| {
                    events.push(letter.event);
                    events.len() < self.last as usize
                })?;
                (letters.topic().to_owned(), events)
            }
        };
        if events.is_empty() {
            bail!("there are no events in {from}");
        }
        Ok((from, (1..).zip(events).collect()))
    }

    /// Keeps what was captured and what came of it.
    pub(super) fn keep(&self, events: &[(usize, Event)], lines: &[String]) -> Result<()> {
        let Some(folder) = &self.save else { return Ok(()) };
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        write_new(&folder.join("events.jsonl"), events.iter().map(|(_, event)| event_line(event)))?;
        write_new(&folder.join("expected.jsonl"), lines.iter().cloned())?;
        eprintln!("kept as the case {}", folder.display());
        Ok(())
    }
}

/// A case that is there already says what was right once, and is not lost by a slip.
fn write_new(file: &Path, lines: impl Iterator<Item = String>) -> Result<()> {
    if file.exists() {
        bail!("{} is there already: save under another name", file.display());
    }
    let text: String = lines.map(|line| line + "\n").collect();
    fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}

/// By their timestamps, over all partitions.
fn last_of(config: &Config, topic: &str, count: usize) -> Result<Vec<Event>> {
    let settings = ClientSettings::new(&config.kafka)?;
    if settings.embedded().is_some() {
        bail!("an embedded broker is in the process of its host, which prints its address: name that with --brokers");
    }
    let mut tail = Tail::open_last(&settings, "wasmill-test", &[topic.to_owned()], count as i64)?;
    let deadline = Instant::now() + READ_WITHIN;
    let mut events = vec![];
    while !tail.at_end() {
        if Instant::now() >= deadline {
            bail!("the end of {topic} was not reached within {} s", READ_WITHIN.as_secs());
        }
        tail.read(LOOK_EVERY, |record| {
            events.push(Event {
                topic: Some(record.topic().into_owned()),
                partition: u32::try_from(record.partition()).ok(),
                timestamp: Some(record.timestamp()),
                key: record.key().map(<[u8]>::to_vec),
                value: record.value().map(<[u8]>::to_vec),
                headers: record.headers().map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec))).collect(),
            });
            true
        })?;
    }
    // Each partition gave so many. Sorting keeps the order of those that have the same time, and so that of a partition, as
    // far as its times rise.
    events.sort_by_key(|event| event.timestamp);
    events.drain(..events.len().saturating_sub(count));
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_that_is_there_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events.jsonl");
        write_new(&file, ["a".to_owned(), "b".to_owned()].into_iter()).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "a\nb\n");
        assert!(write_new(&file, std::iter::empty()).unwrap_err().to_string().contains("is there already"));
    }
}
