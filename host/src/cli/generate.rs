//! `wasmill generate`: sample events.

use crate::admin::Timestamp;
use crate::config::{Brokers, KafkaConfig};
use crate::generate::{Bank, Record, Shop};
use crate::kafka::client::ClientSettings;
use crate::kafka::edge::Outgoing;
use crate::kafka::feed::Feed;
use crate::lines::{Event, event_line};
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wasmill_contract::HeadersIter;

/// One every two seconds.
const RATE: f64 = 0.5;

/// Events that are made up at once begin here: 2026-01-01T00:00:00Z, in milliseconds since the Unix epoch.
const BEGINS: u64 = 1_767_225_600_000;

const EXAMPLES: &str = "\
Examples:
  A file of a thousand orders, the same each time:
      wasmill generate orders --count 1000 > orders.jsonl

  Ten payments a second, until Ctrl-C, into a topic:
      wasmill generate payments --rate 10 --brokers localhost:9092";

/// Make up sample events.
///
/// Prints them, one a line, as `wasmill test --input` reads them, or sends them to a topic. The same seed gives the same events.
/// With --count and without --rate they come at once, with timestamps two seconds apart; otherwise in their time.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct GenerateArgs {
    /// What they are of
    #[arg(value_enum)]
    what: What,

    /// So many; without it, until somebody stops it
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,

    /// So many a second [default: 0.5]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<f64>,

    /// Another one gives other events
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,

    /// The topic [default: what they are of]
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,

    /// Send them to this Kafka instead of printing them
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Of a shop's web site
    Orders,
    /// Of users, some of which fail
    Payments,
    /// Who they are
    Users,
    /// To be billed
    Transactions,
    /// Of a shop's tills
    Invoices,
}

fn rate(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|rate| (0.001..=1e6).contains(rate)).ok_or_else(|| "it is a number above 0".to_owned())
}

/// Makes events up, one after the other.
enum Source {
    Shop(What, Shop),
    Bank(What, Bank),
}

impl Source {
    fn new(what: What, seed: u64) -> Self {
        match what {
            What::Orders | What::Invoices => Source::Shop(what, Shop::new(seed)),
            What::Payments | What::Users | What::Transactions => Source::Bank(what, Bank::new(seed)),
        }
    }

    fn next(&mut self, now: Timestamp) -> Record {
        match self {
            Source::Shop(What::Invoices, shop) => shop.invoice(now),
            Source::Shop(_, shop) => shop.order(now),
            Source::Bank(What::Users, bank) => bank.user(now),
            Source::Bank(What::Transactions, bank) => bank.transaction(now),
            Source::Bank(_, bank) => bank.payment(now),
        }
    }
}

impl What {
    fn topic(self) -> &'static str {
        match self {
            What::Orders => "orders",
            What::Payments => "payments",
            What::Users => "users",
            What::Transactions => "transactions",
            What::Invoices => "invoices",
        }
    }
}

/// Prints or sends them.
pub(super) fn run(args: GenerateArgs) -> Result<ExitCode> {
    let topic = args.topic.clone().unwrap_or_else(|| args.what.topic().to_owned());
    match &args.brokers {
        None => {
            let mut out = io::stdout().lock();
            each(&args, |(key, value), timestamp| {
                let event = Event {
                    topic: Some(topic.clone()),
                    timestamp: Some(timestamp as i64),
                    key: Some(key.into_bytes()),
                    value: Some(value),
                    ..Event::default()
                };
                Ok(writeln!(out, "{}", event_line(&event))?)
            })?;
        }
        Some(brokers) => send(&args, brokers, &topic)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Gives events with their timestamps to `take`, each in its time.
fn each(args: &GenerateArgs, mut take: impl FnMut(Record, u64) -> Result<()>) -> Result<()> {
    let mut source = Source::new(args.what, args.seed);
    let at_once = args.count.is_some() && args.rate.is_none();
    let gap = 1.0 / args.rate.unwrap_or(RATE);
    let started = Instant::now();
    for number in 0..args.count.unwrap_or(u64::MAX) {
        let passed = Duration::from_secs_f64(gap * number as f64);
        let now = if at_once {
            UNIX_EPOCH + Duration::from_millis(BEGINS) + passed
        } else {
            std::thread::sleep((started + passed).saturating_duration_since(Instant::now()));
            SystemTime::now()
        };
        let timestamp = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        take(source.next(now.into()), timestamp)?;
    }
    Ok(())
}

fn send(args: &GenerateArgs, brokers: &str, topic: &str) -> Result<()> {
    let settings = ClientSettings::new(&KafkaConfig::of(Brokers::Servers(brokers.to_owned())))?;
    let mut feed = Feed::open(&settings, "wasmill-generate", &[topic.to_owned()])?;
    each(args, |(key, value), timestamp| {
        let record = Outgoing {
            topic: 0,
            partition: None,
            timestamp: Some(timestamp as i64),
            key: Some(key.as_bytes()),
            value: Some(&value),
            headers: HeadersIter::default(),
        };
        Ok(feed.put(record)?)
    })?;
    let sent = feed.finish().with_context(|| format!("{topic} has not taken all events"))?;
    eprintln!("sent {sent} events to {topic}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::parse_event;
    use serde_json::Value;

    fn args(what: What, seed: u64) -> GenerateArgs {
        GenerateArgs { what, count: Some(50), rate: None, seed, topic: None, brokers: None }
    }

    fn lines(what: What, seed: u64) -> Vec<(Record, u64)> {
        let mut all = Vec::new();
        each(&args(what, seed), |record, timestamp| {
            all.push((record, timestamp));
            Ok(())
        })
        .unwrap();
        all
    }

    #[test]
    fn the_same_seed_gives_the_same_events_of_every_kind() {
        for what in What::value_variants() {
            let events = lines(*what, 7);
            assert_eq!(events, lines(*what, 7));
            assert_ne!(events, lines(*what, 8));
            assert_eq!((events.len(), events[1].1 - events[0].1), (50, 2_000));
            assert!(events.iter().all(|((_, value), _)| serde_json::from_slice::<Value>(value).is_ok()));
        }
    }

    #[test]
    fn a_line_is_read_back_as_the_event() {
        let ((key, value), timestamp) = lines(What::Orders, 1).remove(0);
        let event = Event {
            topic: Some("orders".into()),
            timestamp: Some(timestamp as i64),
            key: Some(key.into_bytes()),
            value: Some(value),
            ..Event::default()
        };
        assert_eq!(parse_event(&event_line(&event)).unwrap(), event);
    }
}
