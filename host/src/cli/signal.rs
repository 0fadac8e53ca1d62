//! `wasmill signal`: something said to all tasks of a plugin.

use super::http::HostArgs;
use crate::admin::percent::encode;
use anyhow::Context;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  To each task of a plugin:
      wasmill signal fraud flush

  With something to read in it, to another host:
      wasmill signal fraud set-threshold --payload '{\"threshold\": 300}' --host 10.0.0.7:8080";

/// Send a signal to all tasks of a plugin.
///
/// A signal is an event whose key is its name and whose value is the payload, or null. It comes in by the input that the
/// plugin has connected to `$signals`, once for each task, on all hosts of the application. When the command ends, the
/// brokers have it; the tasks handle it in their turn.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct SignalArgs {
    /// The plugin
    plugin: String,

    /// The signal's name, which is the key of the event
    name: String,

    /// The value of the event
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,

    #[command(flatten)]
    host: HostArgs,
}

/// Sends it, and says to how many tasks.
pub(super) fn run(args: SignalArgs) -> anyhow::Result<ExitCode> {
    let path = format!("/plugins/{}/signals/{}", encode(args.plugin.as_bytes()), encode(args.name.as_bytes()));
    let answer = args.host.post(&path, args.payload.as_deref().unwrap_or_default())?;
    let answer: serde_json::Value =
        serde_json::from_str(&answer).context("the host's answer is none that this version knows")?;
    eprintln!("sent to {} tasks of {}", answer["tasks"], args.plugin);
    Ok(ExitCode::SUCCESS)
}
