//! What is committed in a store on all hosts: each is asked for its tasks, and the answers become one.

use super::answer::Refusal;
use super::percent;
use super::remote::{Answer, Remote};
use super::routes::Shared;
use crate::lines::base64_of;
use crate::state::{Found, FoundEntry, Keys, Query};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// Another host that is asked.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// What to do where not all is to be had.
const HERE_ALONE: &str = "ask again, or for what this host has alone: ?local=true";

/// Adds what the other hosts have to what was found here, if anything was. None: no other host has any of it.
///
/// # Errors
/// A task is missing: no answer is better than one that lacks something in silence.
pub(super) async fn everywhere(
    shared: &Shared,
    plugin: &str,
    query: &Query,
    found: Option<&Found>,
) -> Result<Option<Found>, Refusal> {
    let spread = shared.control.spread(plugin, query).await;
    let spread = spread.map_err(|why| {
        Refusal::not_yet(format!("where the tasks of {plugin:?} are cannot be told now: {why}"), HERE_ALONE)
    })?;
    let Some(spread) = spread else { return Ok(None) };
    let mut asked = Vec::new();
    for address in spread.others {
        let Some(address) = address else {
            let hint = format!("set admin.advertise in its configuration; {HERE_ALONE}");
            return Err(Refusal::new(
                StatusCode::BAD_GATEWAY,
                "a host that has tasks does not say where it is reached",
                hint,
            ));
        };
        let (token, path) = (shared.token.clone(), path(plugin, query));
        asked.push(tokio::task::spawn_blocking(move || {
            let remote = Remote { address: &address, token: token.as_deref(), patience: ANSWERS_WITHIN };
            let found =
                remote.request("GET", &path, "").map_err(|error| error.to_string()).and_then(|answer| read(&answer));
            found
                .map_err(|why| Refusal::not_yet(format!("{address} has tasks, and does not answer: {why}"), HERE_ALONE))
        }));
    }
    let mut pages: Vec<Found> = found.cloned().into_iter().collect();
    for answer in asked {
        pages.push(answer.await.map_err(|error| Refusal::not_yet(error.to_string(), HERE_ALONE))??);
    }
    let merged = Found::merged(pages, limit(query));
    let missing: Vec<String> =
        (0..spread.tasks).filter(|task| !merged.partitions.contains(task)).map(|task| task.to_string()).collect();
    if missing.is_empty() {
        return Ok(Some(merged));
    }
    let error = format!("tasks of {plugin:?} are not open on any host: partitions {}", missing.join(", "));
    Err(Refusal::not_yet(error, format!("they are being restored, or go from host to host: {HERE_ALONE}")))
}

fn limit(query: &Query) -> usize {
    match query.keys {
        Keys::One(_) => usize::MAX,
        Keys::Page { limit, .. } => limit,
    }
}

/// The same, of that host alone. A key is a page of one: then an answer without it says, too, which tasks were asked.
fn path(plugin: &str, query: &Query) -> String {
    let (from, to, limit) = match &query.keys {
        Keys::One(key) => (percent::encode(key), percent::encode(&[key, &b"\0"[..]].concat()), 1),
        Keys::Page { from, to, limit } => (percent::encode(from), percent::encode(to), *limit),
    };
    let (plugin, store) = (percent::encode(plugin.as_bytes()), percent::encode(query.store.as_bytes()));
    format!("/plugins/{plugin}/stores/{store}?from={from}&to={to}&limit={limit}&local=true")
}

#[derive(Deserialize)]
struct Page {
    partitions: Vec<i32>,
    entries: Vec<Entry>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    partition: i32,
    key: Box<RawValue>,
    value: Box<RawValue>,
    timestamp: i64,
}

fn read(answer: &Answer) -> Result<Found, String> {
    if answer.status != 200 {
        return Err(format!("{}: {}", answer.status, answer.body.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    let page: Page = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    let entries = page.entries.into_iter().map(|Entry { partition, key, value, timestamp }| {
        let key = match base64(&key)? {
            Some(bytes) => bytes,
            None => serde_json::from_str::<String>(key.get()).map_err(|error| error.to_string())?.into_bytes(),
        };
        let value = base64(&value)?.unwrap_or_else(|| value.get().into());
        Ok(FoundEntry { partition, key: key.into(), value: value.into(), written: timestamp })
    });
    let entries = entries.collect::<Result<_, String>>()?;
    Ok(Found { partitions: page.partitions, entries, next: page.next.map(|next| percent::decode(&next).into()) })
}

fn base64(value: &RawValue) -> Result<Option<Vec<u8>>, String> {
    if value.get().starts_with('{') { base64_of(value.get()) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_host_is_read_as_it_was_there() {
        let body = r#"{"plugin":"p","store":"s","partitions":[1,4],"entries":[
            {"partition":1,"key":"FR/1","value":{"total": 1.50},"timestamp":7},
            {"partition":4,"key":{"base64":"/w=="},"value":{"base64":"b25l"},"timestamp":8}],"next":"FR%2F2"}"#;
        let found = read(&Answer { status: 200, body: body.into() }).unwrap();
        let entry = |partition, key: &[u8], value: &[u8], written| FoundEntry {
            partition,
            key: key.into(),
            value: value.into(),
            written,
        };
        let entries = vec![entry(1, b"FR/1", br#"{"total": 1.50}"#, 7), entry(4, b"\xff", b"one", 8)];
        assert_eq!(found, Found { partitions: vec![1, 4], entries, next: Some(b"FR/2"[..].into()) });
        assert!(read(&Answer { status: 503, body: "no".into() }).unwrap_err().contains("503: no"));
    }

    #[test]
    fn a_key_is_asked_for_as_a_page_of_one() {
        let query = Query { store: "s".into(), keys: Keys::One(b"a/b".to_vec()) };
        assert_eq!(path("p", &query), "/plugins/p/stores/s?from=a%2Fb&to=a%2Fb%00&limit=1&local=true");
    }
}
