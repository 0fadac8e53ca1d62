//! `wasmill dlq`: dead letters.

use super::reset::agreed;
use super::run::RunArgs;
use super::visible::visible;
use crate::admin::Timestamp;
use crate::app::{DeadLetters, Letter};
use crate::config::Config;
use crate::lines::event_line;
use clap::Subcommand;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

const EXAMPLES: &str = "\
Examples:
  What has failed in fraud, and why:
      wasmill dlq list fraud

  Have it tried again, after the module is repaired:
      wasmill dlq redrive fraud";

const LIST_EXAMPLES: &str = "\
Examples:
  The letters that have not gone back yet, one a line:
      wasmill dlq list fraud --brokers localhost:9092

  Those of one code, as events that `wasmill test` reads:
      wasmill dlq list fraud --code bad-json --json > failed.jsonl";

const REDRIVE_EXAMPLES: &str = "\
Examples:
  See what would go back, and where to:
      wasmill dlq redrive fraud --dry-run

  Send it, without a question:
      wasmill dlq redrive fraud --yes";

/// Read a plugin's dead letters, or send them back.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct DlqArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(ListArgs),
    Redrive(RedriveArgs),
}

/// Print dead letters, the oldest of each partition first.
///
/// One a line, with tabs between: when it failed, where the event was, the code, the key, and the message. What has been sent
/// back is left out.
#[derive(Debug, clap::Args)]
#[command(after_long_help = LIST_EXAMPLES)]
struct ListArgs {
    /// The plugin: its file's name without .wasm
    plugin: String,

    /// Only those with this code
    #[arg(long, value_name = "CODE")]
    code: Option<String>,

    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: usize,

    /// Also those that have been sent back
    #[arg(long)]
    all: bool,

    /// Print each event as it was, as a line of JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    run: RunArgs,
}

/// Send dead letters back to the topics that their events came from.
///
/// Each goes once: to the partition that it was in, with the key, value, headers and timestamp that it had, behind what is in
/// the topic by now. Everybody who reads that topic gets it again, not this plugin alone. What is a timer, or was too large
/// for the dead-letter topic, is passed over. Hosts may be at work meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_long_help = REDRIVE_EXAMPLES)]
struct RedriveArgs {
    /// The plugin: its file's name without .wasm
    plugin: String,

    /// Say what would go back, and send nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    run: RunArgs,
}

/// Lists them, or sends them back.
pub(super) fn run(args: DlqArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::List(args) => list(&args),
        Command::Redrive(args) => redrive(&args),
    }
}

fn letters(plugin: &str, run: &RunArgs) -> anyhow::Result<DeadLetters> {
    DeadLetters::new(&Config::load(run.config.as_deref(), &run.overrides())?, plugin)
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let (mut printed, mut result) = (0, Ok(()));
    letters(&args.plugin, &args.run)?.list(args.all, |letter| {
        if args.code.as_ref().is_some_and(|code| letter.note("code") != code) {
            return true;
        }
        result = match args.json {
            true => writeln!(out, "{}", event_line(&letter.event)),
            false => writeln!(out, "{}", line(&letter)),
        };
        printed += 1;
        result.is_ok() && printed < args.limit
    })?;
    result?;
    if printed >= args.limit {
        eprintln!("stopped after {printed}; --limit gives more");
    }
    Ok(ExitCode::SUCCESS)
}

fn line(letter: &Letter) -> String {
    let at = Timestamp::from(UNIX_EPOCH + Duration::from_millis(letter.failed_at.max(0) as u64));
    let key = letter.event.key.as_ref().map_or("-".into(), |key| String::from_utf8_lossy(key).into_owned());
    let place = format!("{}/{}/{}", letter.note("topic"), letter.note("partition"), letter.note("offset"));
    let text =
        format!("{at}\t{place}\t{}\t{}\t{}", letter.note("code"), visible(&key), visible(letter.note("message")));
    match letter.stays() {
        Some(why) => format!("{text}\t(does not go back: {why})"),
        None => text,
    }
}

fn redrive(args: &RedriveArgs) -> anyhow::Result<ExitCode> {
    let letters = letters(&args.plugin, &args.run)?;
    let plan = letters.plan()?;
    if plan.topics.is_empty() && plan.stay.is_empty() {
        println!("Nothing in {} waits to go back.", letters.topic());
        return Ok(ExitCode::SUCCESS);
    }
    println!("Of {} go back", letters.topic());
    for (topic, count) in &plan.topics {
        println!("  {count} to {topic}, for everybody who reads it");
    }
    for (why, count) in &plan.stay {
        println!("  and {count} for ever not: {why}");
    }
    if args.dry_run {
        println!("Nothing was sent (--dry-run).");
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !agreed(&args.plugin)? {
        println!("Nothing was sent.");
        return Ok(ExitCode::FAILURE);
    }
    println!("Sent {}.", plan.run()?);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::Event;

    #[test]
    fn a_letter_is_one_line_that_says_why_it_stays() {
        let mut notes: std::collections::BTreeMap<String, String> = [
            ("topic", "orders"),
            ("partition", "3"),
            ("offset", "42"),
            ("code", "bad-json"),
            ("message", "a\nb\u{1b}[2J"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
        let event =
            Event { topic: Some("orders".into()), partition: Some(3), key: Some(b"k\t1".to_vec()), ..Event::default() };
        let mut letter = Letter { partition: 0, offset: 7, failed_at: 0, notes: notes.clone(), event };
        assert_eq!(line(&letter), "1970-01-01T00:00:00.000Z\torders/3/42\tbad-json\tk 1\ta b [2J");
        notes.insert("cut".into(), "9".into());
        letter.notes = notes;
        assert!(line(&letter).ends_with("(does not go back: its value was too large for the topic and is not in it)"));
    }
}
