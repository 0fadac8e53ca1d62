//! `wasmill state`: what the plugins of a running host remember.

use super::http::HostArgs;
use crate::admin::percent::encode;
use anyhow::Context;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{self, Write};
use std::process::ExitCode;

/// The host gives at most so many entries at once.
const MOST_ENTRIES: usize = 1000;

const EXAMPLES: &str = "\
Examples:
  What is under a key:
      wasmill state get fraud totals FR

  What is under the keys that begin with FR:
      wasmill state scan fraud totals --prefix FR";

const GET_EXAMPLES: &str = "\
Examples:
  One line for each task that has the key: key, value, partition, and the time of the write, with tabs between:
      wasmill state get fraud totals FR

  Only the value:
      wasmill state get fraud totals FR | cut -f 2

  As the host answers, from another host:
      wasmill state get fraud totals FR --json --host 10.0.0.7:8080";

const SCAN_EXAMPLES: &str = "\
Examples:
  The first hundred entries, one a line: key, value, partition, and the time of the write, with tabs between:
      wasmill state scan fraud totals

  The keys from FR to before IT:
      wasmill state scan fraud totals --from FR --to IT --limit 10000 | cut -f 1

  One page as the host answers, which has the next page's --from as `next`:
      wasmill state scan fraud totals --limit 1000 --json";

/// Read what the plugins of a running host remember.
///
/// Shows what is committed and has not expired, in the tasks of the host that is asked. No event waits for it. With several
/// hosts each has the tasks that it owns; `get` finds the right one where the store's keys are those of the events.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct StateArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Get(GetArgs),
    Scan(ScanArgs),
}

/// Print what is under a key.
///
/// A value is printed as the JSON that it is, or as {"base64": …}, on one line. The exit code is 1 if there is nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = GET_EXAMPLES)]
struct GetArgs {
    /// The plugin
    plugin: String,

    /// The store, as the plugin has declared it
    store: String,

    /// The key
    key: String,

    /// Print the host's answer as it is
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    host: HostArgs,
}

/// Print entries in the byte order of their keys.
///
/// A value is printed as the JSON that it is, or as {"base64": …}, on one line.
#[derive(Debug, clap::Args)]
#[command(after_long_help = SCAN_EXAMPLES)]
struct ScanArgs {
    /// The plugin
    plugin: String,

    /// The store, as the plugin has declared it
    store: String,

    /// Only keys that begin with this
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,

    /// This key, and those after it
    #[arg(long, value_name = "KEY")]
    from: Option<String>,

    /// The keys before this one
    #[arg(long, value_name = "KEY")]
    to: Option<String>,

    /// At most so many entries
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = at_least_one)]
    limit: usize,

    /// Print the host's answer as it is: one page, of at most 1000 entries
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    host: HostArgs,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| "it is a number from 1 on".to_owned())
}

/// Asks the host and prints what it says.
pub(super) fn run(args: StateArgs) -> anyhow::Result<ExitCode> {
    let out = io::stdout().lock();
    match args.command {
        Command::Get(args) => get(&args, out),
        Command::Scan(args) => scan(&args, out),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn get(args: &GetArgs, mut out: impl Write) -> anyhow::Result<()> {
    let path = format!("{}/{}", path(&args.plugin, &args.store), encode(args.key.as_bytes()));
    let body = args.host.get(&(path + "?proxy=true"))?;
    if args.json {
        return Ok(out.write_all(body.as_bytes())?);
    }
    for entry in Page::parse(&body)?.entries {
        writeln!(out, "{}", entry.line())?;
    }
    Ok(())
}

fn scan(args: &ScanArgs, mut out: impl Write) -> anyhow::Result<()> {
    let (mut left, mut from) = (args.limit, args.from.as_ref().map(|from| encode(from.as_bytes())));
    if args.json {
        let body = args.host.get(&args.page(from.as_deref(), left))?;
        return Ok(out.write_all(body.as_bytes())?);
    }
    loop {
        let page = args.host.get(&args.page(from.as_deref(), left))?;
        let page = Page::parse(&page)?;
        for entry in page.entries.iter().take(left) {
            writeln!(out, "{}", entry.line())?;
        }
        // A page may have a few more than it was asked for: a key that is in several tasks is not torn apart.
        let more = page.next.is_some() || page.entries.len() > left;
        left = left.saturating_sub(page.entries.len());
        if more && left == 0 {
            eprintln!("there are more: --limit has been reached");
        }
        from = page.next;
        if from.is_none() || left == 0 {
            return Ok(());
        }
    }
}

impl ScanArgs {
    fn page(&self, from: Option<&str>, left: usize) -> String {
        let mut path = format!("{}?limit={}", path(&self.plugin, &self.store), left.min(MOST_ENTRIES));
        let encoded = |text: &Option<String>| text.as_ref().map(|text| encode(text.as_bytes()));
        let parameters =
            [("from", from.map(str::to_owned)), ("to", encoded(&self.to)), ("prefix", encoded(&self.prefix))];
        for (name, value) in parameters {
            if let Some(value) = value {
                path += &format!("&{name}={value}");
            }
        }
        path
    }
}

fn path(plugin: &str, store: &str) -> String {
    format!("/plugins/{}/stores/{}", encode(plugin.as_bytes()), encode(store.as_bytes()))
}

/// What the host answers, as far as it is printed.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
    #[serde(default)]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    partition: i32,
    #[serde(borrow)]
    key: &'a RawValue,
    #[serde(borrow)]
    value: &'a RawValue,
    timestamp: i64,
}

impl<'a> Page<'a> {
    fn parse(body: &'a str) -> anyhow::Result<Self> {
        serde_json::from_str(body).context("the host's answer is none that this version knows")
    }
}

impl Entry<'_> {
    fn line(&self) -> String {
        // A line end in JSON is space between two words of it: in a text it would be escaped.
        let value = self.value.get().replace(['\n', '\r', '\t'], " ");
        format!("{}\t{value}\t{}\t{}", self.key(), self.partition, self.timestamp)
    }

    /// A text as it is, unless it would tear the line or do something to the terminal.
    fn key(&self) -> String {
        let json = self.key.get();
        match serde_json::from_str::<String>(json) {
            Ok(text) if !text.contains(char::is_control) => text,
            Ok(_) => json.to_owned(),
            Err(_) => json.split_whitespace().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(body: &str) -> Vec<String> {
        Page::parse(body).unwrap().entries.iter().map(Entry::line).collect()
    }

    #[test]
    fn an_entry_is_one_line_whatever_is_in_it() {
        let body = r#"{"plugin":"p","store":"s","partitions":[0],"entries":[
            {"partition":0,"key":"FR","value":{"a": 12.50,
                "b":"x\ny"},"timestamp":7},
            {"partition":1,"key":"a\tb","value":1,"timestamp":-1},
            {"partition":1,"key":{ "base64": "/w==" },"value":{"base64":"/g=="},"timestamp":8}],"next":null}"#;
        let lines = lines(body);
        assert!(
            lines[0].starts_with("FR\t{\"a\": 12.50, ") && lines[0].ends_with("\"b\":\"x\\ny\"}\t0\t7"),
            "{lines:?}"
        );
        assert_eq!(lines[1..], ["\"a\\tb\"\t1\t1\t-1", "{\"base64\":\"/w==\"}\t{\"base64\":\"/g==\"}\t1\t8"]);
    }

    #[test]
    fn what_is_asked_for_is_encoded() {
        let host = HostArgs::at("127.0.0.1:1");
        let mut args = ScanArgs {
            plugin: "p".into(),
            store: "a b".into(),
            prefix: Some("x&y".into()),
            from: None,
            to: None,
            limit: 5000,
            json: false,
            host,
        };
        assert_eq!(args.page(None, 5000), "/plugins/p/stores/a%20b?limit=1000&prefix=x%26y");
        (args.prefix, args.to) = (None, Some("é".into()));
        assert_eq!(args.page(Some("%FF"), 7), "/plugins/p/stores/a%20b?limit=7&from=%FF&to=%C3%A9");
    }
}
