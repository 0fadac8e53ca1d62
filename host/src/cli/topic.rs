//! `wasmill topic`: events into a topic and out of it, without other tools.

use super::run::RunArgs;
use crate::config::Config;
use crate::kafka::client::ClientSettings;
use crate::kafka::edge::Outgoing;
use crate::kafka::feed::{Feed, FeedError};
use crate::kafka::tail::{Tail, Tailed};
use crate::kafka::topics::Topics;
use crate::lines::{Event, event_line, parse_events, read_events};
use anyhow::{Context, Result, bail};
use clap::{Subcommand, ValueHint};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use wasmill_contract::Headers;

/// Between two looks whether it is time to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const EXAMPLES: &str = "\
Examples:
  What is in a topic, and what comes:
      wasmill topic consume fraud-alerts --follow --brokers localhost:9092

  Events of a file into a topic:
      wasmill topic produce orders --input orders.jsonl --brokers localhost:9092";

const PRODUCE_EXAMPLES: &str = "\
Examples:
  Events of a file:
      wasmill topic produce orders --input orders.jsonl

  One that is typed:
      echo '{\"key\":\"order-1\",\"value\":{\"amount\":412.5}}' | wasmill topic produce orders

  What is in one topic, into another:
      wasmill topic consume orders | wasmill topic produce orders-again";

const CONSUME_EXAMPLES: &str = "\
Examples:
  What is in two topics by now:
      wasmill topic consume payments failed_payments

  The next ten events, or what came of them within a minute:
      wasmill topic consume payments --latest --count 10 --within 60";

/// Put events into a topic, or read what is in one.
///
/// Each event is a line of JSON, as `wasmill test` reads and prints them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct TopicArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Produce(ProduceArgs),
    Consume(ConsumeArgs),
}

/// Put events into a topic.
///
/// Lines such as {"key":"k","value":{"amount":1},"headers":{"trace":"7"},"timestamp":1700000000000}; all but the value may be
/// left out. All lines are read and checked before the first event is sent. Without a "partition" the key decides, as for any
/// Kafka client; what a line says of a topic does not count. The topic must be there: a host that reads it makes it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = PRODUCE_EXAMPLES)]
struct ProduceArgs {
    /// The topic
    topic: String,

    /// The file of events; without it they are read from the standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    input: Option<PathBuf>,

    #[command(flatten)]
    run: RunArgs,
}

/// Print what is in topics.
///
/// Prints what is committed up to now, partition by partition as it comes, and ends. No group notices it, and no offset is
/// kept.
#[derive(Debug, clap::Args)]
#[command(after_long_help = CONSUME_EXAMPLES)]
struct ConsumeArgs {
    /// The topics
    #[arg(required = true)]
    topics: Vec<String>,

    /// Go on with what comes, until somebody stops it
    #[arg(long)]
    follow: bool,

    /// End after so many, and wait until they are there
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,

    /// End after so many seconds; the exit code is 1 if --count has not been reached by then
    #[arg(long, value_name = "SECONDS")]
    within: Option<u64>,

    /// Only what comes from now on
    #[arg(long)]
    latest: bool,

    #[command(flatten)]
    run: RunArgs,
}

/// Puts them in, or prints them.
pub(super) fn run(args: TopicArgs) -> Result<ExitCode> {
    match args.command {
        Command::Produce(args) => produce(&args),
        Command::Consume(args) => consume(&args),
    }
}

fn settings(run: &RunArgs) -> Result<ClientSettings> {
    let settings = ClientSettings::new(&Config::load(run.config.as_deref(), &run.overrides())?.kafka)?;
    if settings.embedded().is_some() {
        bail!("an embedded broker is in the process of its host, which prints its address: name that with --brokers");
    }
    Ok(settings)
}

fn produce(args: &ProduceArgs) -> Result<ExitCode> {
    let (name, events) = match &args.input {
        Some(file) => (file.clone(), read_events(file)?),
        None => {
            let name = Path::new("standard input");
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).context("the standard input can't be read as text")?;
            (name.to_owned(), parse_events(name, &text)?)
        }
    };
    let settings = settings(&args.run)?;
    if !Topics::new(settings.clone()).describe(&[&args.topic])?.contains_key(&args.topic) {
        bail!("there is no topic {}; a host that reads it makes it, or any tool of Kafka's", args.topic);
    }
    let mut feed = Feed::open(&settings, "wasmill-topic", std::slice::from_ref(&args.topic))?;
    let place = |error: FeedError| match &error {
        FeedError::Refused { event, .. } => {
            let line = events.get(*event as usize).map_or(0, |(line, _)| *line);
            anyhow::Error::new(error).context(format!("{}:{line}: the event is refused", name.display()))
        }
        FeedError::Unanswered(_) => error.into(),
    };
    for (_, event) in &events {
        let mut headers = Headers::default();
        for (name, value) in &event.headers {
            headers.push(name, value.as_deref());
        }
        let record = Outgoing {
            topic: 0,
            partition: event.partition.map(|number| number as i32),
            timestamp: event.timestamp,
            key: event.key.as_deref(),
            value: event.value.as_deref(),
            headers: headers.columns().range(0, 0, headers.name_lengths.len()),
        };
        feed.put(record).map_err(place)?;
    }
    let sent = feed.finish().map_err(place)?;
    eprintln!("sent {sent} events to {}", args.topic);
    Ok(ExitCode::SUCCESS)
}

fn consume(args: &ConsumeArgs) -> Result<ExitCode> {
    let settings = settings(&args.run)?;
    let mut tail = Tail::open(&settings, "wasmill-topic", &args.topics, args.latest)?;
    let deadline = args.within.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let goes_on = args.follow || args.count.is_some() || args.latest;
    let mut out = io::stdout().lock();
    let (mut printed, mut result) = (0, Ok(()));
    let enough = |printed: u64| args.count.is_some_and(|count| printed >= count);
    while !enough(printed) {
        let now = Instant::now();
        if deadline.is_some_and(|deadline| now >= deadline) {
            break;
        }
        let wait = deadline.map_or(LOOK_EVERY, |deadline| LOOK_EVERY.min(deadline - now));
        tail.read(wait, |record| {
            result = writeln!(out, "{}", event_line(&read(&record)));
            printed += 1;
            result.is_ok() && !enough(printed)
        })?;
        std::mem::replace(&mut result, Ok(()))?;
        out.flush()?;
        if tail.at_end() && !goes_on {
            break;
        }
    }
    match args.count {
        Some(count) if printed < count => {
            eprintln!("{printed} of {count} events have come");
            Ok(ExitCode::FAILURE)
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Without the partition, so that a line that is sent elsewhere goes where its key belongs.
fn read(record: &Tailed<'_>) -> Event {
    Event {
        topic: Some(record.topic().into_owned()),
        partition: None,
        timestamp: Some(record.timestamp()),
        key: record.key().map(<[u8]>::to_vec),
        value: record.value().map(<[u8]>::to_vec),
        headers: record.headers().map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec))).collect(),
    }
}
