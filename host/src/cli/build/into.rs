//! `wasmill build --into`: from the project into a running host, and what the host makes of it.

use super::super::http::HostArgs;
use crate::admin::percent::encode;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The host looks at its folder when something happens there, at the latest every 5 s; compiling a large runtime takes
/// as long again.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);

/// Events are waited for so long after the module was taken. On a topic where nothing happens none come.
const EVENTS_WITHIN: Duration = Duration::from_secs(5);

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until the host has taken the module, and says what it does with the first events.
pub(super) fn follow(host: &HostArgs, plugin: &str, sha256: &str) -> Result<()> {
    let path = format!("/plugins/{}", encode(plugin.as_bytes()));
    let before = taken(host, &path, plugin, sha256)?;
    let count = |status: &Value, what: &str| status[what].as_u64().unwrap_or_default();
    println!("live: {plugin} {}, {}", text(&before["version"]), text(&before["state"]));
    let sinks: Vec<&str> =
        before["sinks"].as_array().into_iter().flatten().filter_map(|sink| sink["topic"].as_str()).collect();
    if !sinks.is_empty() {
        println!("what it sends: wasmill topic consume {} --follow", sinks.join(" "));
    }
    let end = Instant::now() + EVENTS_WITHIN;
    let mut now = before.clone();
    while count(&now, "events") <= count(&before, "events") && Instant::now() < end {
        std::thread::sleep(LOOK_EVERY);
        now = status(host, &path)?.unwrap_or(now);
    }
    // A worker that is started anew counts from zero.
    let since = |what: &str| count(&now, what).saturating_sub(count(&before, what));
    match since("events") {
        0 => println!("no event has come within {} s", EVENTS_WITHIN.as_secs()),
        events => println!(
            "first events: {events}, of which came {} outputs and {} failures; {} ns an event",
            since("outputs"),
            since("failures"),
            now["wasm_nanoseconds_per_event"]
        ),
    }
    Ok(())
}

/// The plugin's status once it has this very module.
fn taken(host: &HostArgs, path: &str, plugin: &str, sha256: &str) -> Result<Value> {
    let end = Instant::now() + TAKEN_WITHIN;
    while Instant::now() < end {
        if let Some(status) = status(host, path)? {
            let refused = &status["refused"];
            if refused["sha256"].as_str() == Some(sha256) {
                bail!("the host refuses it ({}): {}", text(&refused["code"]), text(&refused["message"]));
            }
            if status["sha256"].as_str() == Some(sha256) && status["state"] != "starting" {
                return Ok(status);
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
    bail!(
        "the host has not taken {plugin} within {} s: is the folder of --into its plugins folder? Its log has more",
        TAKEN_WITHIN.as_secs()
    )
}

/// None: the host does not know the plugin yet.
fn status(host: &HostArgs, path: &str) -> Result<Option<Value>> {
    match host.get(path) {
        Ok(text) => serde_json::from_str(&text).context("the host's answer is none that this version knows").map(Some),
        Err(error) if error.to_string().starts_with("there is no plugin") => Ok(None),
        Err(error) => Err(error),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}
