//! `wasmill build --into`: from the project into a running host, and what the host makes of it.

use super::super::http::HostArgs;
use super::super::visible::visible;
use crate::admin::percent::encode;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The host looks at its folder when something happens there, at the latest every 5 s. That it compiles a large runtime is no
/// reason to give up, however long it takes.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);

/// What takes longer is told.
const UNTOLD: Duration = Duration::from_secs(2);

/// Events are waited for so long after the module was taken. On a topic where nothing happens none come.
const EVENTS_WITHIN: Duration = Duration::from_secs(5);

/// Outputs are waited for so long after the first event, and after the first output: of most events of a filter nothing comes,
/// and whoever has saved a file wants to go on.
const OUTPUTS_WITHIN: Duration = Duration::from_secs(1);

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Whether the host has a plugin of this name; not if there is no host.
pub(super) fn is_known(host: &HostArgs, plugin: &str) -> bool {
    matches!(ask(host, &path(plugin)), Ok(Some(_)))
}

/// Waits until the host has taken the module, and shows what comes of the first events. `known`: of a plugin that was there
/// before; of a new one everything that it has done is this module's.
pub(super) fn follow(host: &HostArgs, plugin: &str, sha256: &str, known: bool) -> Result<()> {
    let path = path(plugin);
    let before = taken(host, &path, plugin, sha256)?;
    println!("live: {plugin} {}, {}", text(&before["version"]), text(&before["state"]));
    let base = |what: &str| if known { count(&before, what) } else { 0 };
    let (now, shown) = first_events(host, &path, &before["version"], base("events"))?;
    // A worker that is started anew counts from zero.
    let since = |what: &str| count(&now, what).saturating_sub(base(what));
    match since("events") {
        0 if shown == 0 => println!("no event has come within {} s", EVENTS_WITHIN.as_secs()),
        // They were handled between the swap and the first look.
        0 => {}
        events => println!(
            "first events: {events}; outputs: {}, failures: {}; {} ns an event",
            since("outputs"),
            since("failures"),
            now["wasm_nanoseconds_per_event"]
        ),
    }
    let sinks: Vec<&str> =
        before["sinks"].as_array().into_iter().flatten().filter_map(|sink| sink["topic"].as_str()).collect();
    if !sinks.is_empty() {
        println!("what it sends: wasmill topic consume {} --follow", sinks.join(" "));
    }
    Ok(())
}

fn path(plugin: &str) -> String {
    format!("/plugins/{}", encode(plugin.as_bytes()))
}

/// Prints outputs of this version as they come; answers the plugin's status after that, and how many there were. Its count of
/// events was `events`.
fn first_events(host: &HostArgs, path: &str, version: &Value, events: u64) -> Result<(Value, usize)> {
    let outputs = format!("{path}/outputs");
    let (mut now, mut has_events, mut shown) = (Value::Null, false, 0);
    let mut end = Instant::now() + EVENTS_WITHIN;
    loop {
        let first = ask(host, &outputs)?.unwrap_or_default();
        // Another module may have taken its place by now.
        let first = first["outputs"].as_array().filter(|_| first["version"] == *version);
        let new: Vec<&Value> = first.into_iter().flatten().skip(shown).collect();
        for output in &new {
            println!("{}", line(output));
        }
        now = ask(host, path)?.unwrap_or(now);
        let is_first = shown == 0 && !new.is_empty();
        if is_first || (!has_events && count(&now, "events") > events) {
            has_events = true;
            end = Instant::now() + OUTPUTS_WITHIN;
        }
        shown += new.len();
        if Instant::now() >= end {
            return Ok((now, shown));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The topic, the key and the value of an output.
fn line(output: &Value) -> String {
    format!("  {} <- {} {}", text(&output["topic"]), shown(&output["key"]), shown(&output["value"]))
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| "null".to_owned(), visible)
}

fn count(status: &Value, what: &str) -> u64 {
    status[what].as_u64().unwrap_or_default()
}

/// The plugin's status once it has this very module.
fn taken(host: &HostArgs, path: &str, plugin: &str, sha256: &str) -> Result<Value> {
    let (began, mut told) = (Instant::now(), false);
    let mut end = began + TAKEN_WITHIN;
    while Instant::now() < end {
        if let Some(status) = ask(host, path)? {
            if status["loading"] == true {
                end = Instant::now() + TAKEN_WITHIN;
                if !told && began.elapsed() >= UNTOLD {
                    told = true;
                    println!("the host compiles it, which takes its time once");
                }
            }
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
fn ask(host: &HostArgs, path: &str) -> Result<Option<Value>> {
    match host.get(path) {
        Ok(text) => serde_json::from_str(&text).context("the host's answer is none that this version knows").map(Some),
        Err(error) if error.to_string().starts_with("there is no plugin") => Ok(None),
        Err(error) => Err(error),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_output_is_one_line_whatever_is_in_it() {
        let output = json!({"sink": "out", "topic": "shop.out", "key": null, "value": "a\n\u{1b}[2Jb"});
        assert_eq!(line(&output), "  shop.out <- null a  [2Jb");
    }
}
