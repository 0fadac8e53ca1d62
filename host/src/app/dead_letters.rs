//! A plugin's dead letters: what they say, and their way back to the topics that the events came from.

use crate::config::Config;
use crate::kafka::changelog::Record;
use crate::kafka::client::ClientSettings;
use crate::kafka::redrive::{Back, Redrive};
use crate::lines::Event;
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use wasmill_contract::Headers;

/// What the host's own headers begin with.
const PREFIX: &str = crate::worker::DEAD_LETTER_PREFIX;

/// One dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Where it stands in the dead-letter topic.
    pub partition: i32,
    /// Where it stands in the dead-letter topic.
    pub offset: i64,
    /// When it failed, in milliseconds since the Unix epoch.
    pub failed_at: i64,
    /// What the host noted, by name: `code`, `message`, `kind`, `topic`, `partition`, `offset`, …
    pub notes: BTreeMap<String, String>,
    /// The event as it was.
    pub event: Event,
}

impl Letter {
    fn read(partition: i32, record: &Record<'_>) -> Self {
        let (mut notes, mut headers) = (BTreeMap::new(), Vec::new());
        for (name, value) in record.headers() {
            match std::str::from_utf8(name).ok().and_then(|name| name.strip_prefix(PREFIX)) {
                Some(note) => {
                    notes.insert(note.to_owned(), String::from_utf8_lossy(value.unwrap_or_default()).into_owned());
                }
                None => headers.push((name.to_vec(), value.map(<[u8]>::to_vec))),
            }
        }
        let event = Event {
            topic: notes.get("topic").cloned(),
            partition: notes.get("partition").and_then(|number| number.parse().ok()),
            timestamp: notes.get("timestamp").and_then(|time| time.parse().ok()),
            key: record.raw_key().map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers,
        };
        Letter { partition, offset: record.offset, failed_at: record.timestamp, notes, event }
    }

    /// What the host noted under a name; empty if nothing.
    pub fn note(&self, name: &str) -> &str {
        self.notes.get(name).map_or("", String::as_str)
    }

    /// Why it can't go back; None: it can.
    pub fn stays(&self) -> Option<&'static str> {
        match () {
            () if self.notes.contains_key("cut") => Some("its value was too large for the topic and is not in it"),
            () if self.note("topic") == "$timers" => Some("it is a timer and no event"),
            () if self.event.topic.is_none() || self.event.partition.is_none() => Some("it does not say where it was"),
            () => None,
        }
    }
}

/// The dead letters of one plugin. A host may be at work meanwhile.
pub struct DeadLetters {
    kafka: ClientSettings,
    topic: String,
    group: String,
}

impl DeadLetters {
    /// Of the plugin of this name. Talks to nobody yet.
    pub fn new(config: &Config, plugin: &str) -> Result<Self> {
        let kafka = ClientSettings::new(&config.kafka)?;
        if !kafka.has_transactions() {
            bail!("the embedded broker's dead letters are gone with its process; name a real one with --brokers");
        }
        let topic = config.dead_letter_topic(plugin);
        Ok(DeadLetters { kafka, group: format!("{topic}-redrive"), topic })
    }

    /// The topic that they are in.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    fn look(&self, all: bool) -> Result<Redrive> {
        match Redrive::look(&self.kafka, &self.topic, &self.group, all)? {
            Some(redrive) => Ok(redrive),
            None => {
                bail!("there is no topic {}: nothing of the plugin has ever failed, or its name is another", self.topic)
            }
        }
    }

    /// Gives each to `each`, which says whether to go on; `all`: also those that have gone back.
    pub fn list(&self, all: bool, mut each: impl FnMut(Letter) -> bool) -> Result<()> {
        Ok(self.look(all)?.each(|partition, record| each(Letter::read(partition, record)))?)
    }

    /// What would go back, and what would not.
    pub fn plan(&self) -> Result<Plan> {
        let redrive = self.look(false)?;
        let (mut topics, mut stay) = (BTreeMap::new(), BTreeMap::new());
        redrive.each(|partition, record| {
            let letter = Letter::read(partition, record);
            match (letter.stays(), letter.event.topic) {
                (None, Some(topic)) => *topics.entry(topic).or_default() += 1,
                (why, _) => *stay.entry(why.unwrap_or_default()).or_default() += 1,
            }
            true
        })?;
        Ok(Plan { redrive, topics, stay })
    }
}

/// What a redrive comes to.
pub struct Plan {
    redrive: Redrive,
    /// How many go back to each topic.
    pub topics: BTreeMap<String, u64>,
    /// How many are passed over, and why.
    pub stay: BTreeMap<&'static str, u64>,
}

impl Plan {
    /// Sends them, each to the partition that it was in and with the timestamp and the headers that it had. Answers how many
    /// there were. Broken off, it goes on where it was when it is done again.
    pub fn run(&self) -> Result<u64> {
        let topics: Vec<String> = self.topics.keys().cloned().collect();
        let back = |partition, record: &Record<'_>| {
            let letter = Letter::read(partition, record);
            // One that came in after the plan may be of a topic that is not in it; it is not in the range of it either.
            let topic = topics.iter().position(|topic| Some(topic) == letter.event.topic.as_ref())?;
            if letter.stays().is_some() {
                return None;
            }
            let mut headers = Headers::default();
            for (name, value) in &letter.event.headers {
                headers.push(name, value.as_deref());
            }
            let partition = letter.event.partition.map(|number| number as i32);
            Some(Back { topic, partition, timestamp: letter.event.timestamp, headers })
        };
        Ok(self.redrive.run(&topics, back)?)
    }
}
