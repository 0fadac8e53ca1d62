//! What plugins remember: `/plugins/{name}/stores/…`.

use super::answer::{Refusal, json, typed};
use super::control::{Control, QueryError};
use super::gather::{ANSWERS_WITHIN, everywhere};
use super::percent;
use super::remote::Remote;
use super::routes::{Shared, failed, meant, unknown_plugin};
use crate::lines::base64_of;
use crate::state::{Found, FoundEntry, Keys, Query, after_all_with};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Entries of a page, unless `limit` says otherwise.
const ENTRIES: usize = 100;

/// Entries of a page at most.
const MOST_ENTRIES: usize = 1000;

/// What a page can be asked for.
const PARAMETERS: [&str; 5] = ["prefix", "from", "to", "limit", "local"];

/// What is under a key.
pub(super) async fn get(State(shared): State<Shared>, uri: Uri) -> Result<Response, Refusal> {
    let (plugin, store, key) = parts(&uri)?;
    let from = whom(uri.query().unwrap_or_default())?;
    let query = Query { store, keys: Keys::One(key.clone()) };
    let found = match shared.control.query(&plugin, query.clone()).await {
        Err(QueryError::Elsewhere { partition, address }) => {
            return elsewhere(&shared, uri.path(), partition, address, from.proxy).await;
        }
        found => all(&shared, &plugin, &query, found, from.local).await?,
    };
    if found.entries.is_empty() {
        let error = format!("there is nothing under {:?} in {:?}", String::from_utf8_lossy(&key), query.store);
        let asked: Vec<String> = found.partitions.iter().map(i32::to_string).collect();
        let hint = format!("partitions that were asked: {}", asked.join(", "));
        return Err(Refusal::new(StatusCode::NOT_FOUND, error, hint));
    }
    Ok(json(StatusCode::OK, &Answer::new(&plugin, &query.store, &found)))
}

/// A page of entries in the order of their keys.
pub(super) async fn scan(State(shared): State<Shared>, uri: Uri) -> Result<Response, Refusal> {
    let (plugin, store, _) = parts(&uri)?;
    let (keys, local) = keys(uri.query().unwrap_or_default())?;
    let query = Query { store, keys };
    let found = shared.control.query(&plugin, query.clone()).await;
    let found = all(&shared, &plugin, &query, found, local).await?;
    let answer = Answer::new(&plugin, &query.store, &found);
    Ok(json(StatusCode::OK, &Page { answer, next: found.next.as_deref().map(percent::encode) }))
}

/// Plugin, store and key of `/plugins/{name}/stores/{store}/{key}`. By hand, since a key need not be a text.
fn parts(uri: &Uri) -> Result<(String, String, Vec<u8>), Refusal> {
    let mut parts = uri.path().split('/').skip(2).map(percent::decode);
    let mut next = || parts.next().unwrap_or_default();
    let (plugin, _, store, key) = (next(), next(), next(), next());
    let text = |name| {
        String::from_utf8(name).map_err(|_| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                "the path names what is no text",
                "names of plugins and stores are UTF-8",
            )
        })
    };
    Ok((text(plugin)?, text(store)?, key))
}

/// What was found here, and, unless it is to be `local`, on the other hosts.
async fn all(
    shared: &Shared,
    plugin: &str,
    query: &Query,
    found: Result<Found, QueryError>,
    local: bool,
) -> Result<Found, Refusal> {
    let found = match found {
        // Other hosts may have all of its tasks.
        Err(QueryError::NotOpen) if !local => Err(QueryError::NotOpen),
        Err(error) => return Err(not_found(&*shared.control, plugin, &query.store, error)),
        found => found,
    };
    if !local && let Some(found) = everywhere(shared, plugin, query, found.as_ref().ok()).await? {
        return Ok(found);
    }
    found.map_err(|error| not_found(&*shared.control, plugin, &query.store, error))
}

/// Who is asked for a key.
#[derive(Default)]
struct Whom {
    /// The host that has its task, on behalf of whoever asks.
    proxy: bool,
    /// No other host.
    local: bool,
}

fn whom(parameters: &str) -> Result<Whom, Refusal> {
    let mut whom = Whom::default();
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter {
            "proxy=true" | "proxy" => whom.proxy = true,
            "proxy=false" => whom.proxy = false,
            "local=true" | "local" => whom.local = true,
            "local=false" => whom.local = false,
            _ => {
                let error = format!("there is no parameter {parameter:?}");
                let hint = "the parameters are proxy=true and local=true";
                return Err(Refusal::new(StatusCode::BAD_REQUEST, error, hint));
            }
        }
    }
    Ok(whom)
}

/// Says whose the key is, or asks there.
async fn elsewhere(
    shared: &Shared,
    path: &str,
    partition: i32,
    address: Option<String>,
    proxy: bool,
) -> Result<Response, Refusal> {
    let error = format!("the key is in partition {partition}, which another host has");
    let Some(address) = address else {
        let hint = "that host does not say where it is reached: set admin.advertise in its configuration";
        return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, error, hint));
    };
    if !proxy {
        let hint = format!("ask there, http://{address}{path}, or have it asked: ?proxy=true");
        return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, error, hint));
    }
    let (token, path, at) = (shared.token.clone(), path.to_owned(), address.clone());
    let ask =
        move || Remote { address: &at, token: token.as_deref(), patience: ANSWERS_WITHIN }.request("GET", &path, "");
    let answer = tokio::task::spawn_blocking(ask).await.map_err(|error| failed(error.to_string()))?;
    let answer =
        answer.map_err(|why| Refusal::not_yet(error, format!("{address} has it, and does not answer: {why}")))?;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    Ok(typed(status, "application/json", answer.body))
}

fn not_found(control: &dyn Control, plugin: &str, store: &str, error: QueryError) -> Refusal {
    match error {
        QueryError::UnknownPlugin => unknown_plugin(control, plugin),
        QueryError::UnknownStore(stores) => unknown_store(plugin, store, &stores),
        QueryError::NotOpen => Refusal::not_yet(
            format!("no task of {plugin:?} has its state open on this host"),
            format!(
                "it is being restored, or there is no partition for this host: GET /plugins/{plugin} says what it does"
            ),
        ),
        // A page belongs to no single host.
        error @ (QueryError::Failed(_) | QueryError::Elsewhere { .. }) => failed(error.to_string()),
    }
}

fn unknown_store(plugin: &str, store: &str, stores: &[String]) -> Refusal {
    let names = match stores {
        [] => format!("{plugin:?} has no stores"),
        stores => meant(store, stores.iter().map(String::as_str)) + &format!("its stores are {}", stores.join(", ")),
    };
    Refusal::new(StatusCode::NOT_FOUND, format!("{plugin:?} has no store {store:?}"), names)
}

/// The range that the parameters of a page ask for, and whether of this host alone.
fn keys(parameters: &str) -> Result<(Keys, bool), Refusal> {
    let (mut prefix, mut from, mut to, mut limit, mut local) = (vec![], vec![], vec![], ENTRIES, false);
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, text) = parameter.split_once('=').unwrap_or((parameter, ""));
        // In a query, other than in a path, a plus is a space.
        let value = percent::decode(&text.replace('+', " "));
        match name {
            "prefix" => prefix = value,
            "from" => from = value,
            "to" => to = value,
            "limit" => limit = parse_limit(text)?,
            "local" => local = text != "false",
            name => {
                let hint = meant(name, PARAMETERS) + &format!("the parameters are {}", PARAMETERS.join(", "));
                return Err(Refusal::new(StatusCode::BAD_REQUEST, format!("there is no parameter {name:?}"), hint));
            }
        }
    }
    let end = after_all_with(&prefix);
    let to = [to, end].into_iter().filter(|end| !end.is_empty()).min().unwrap_or_default();
    Ok((Keys::Page { from: from.max(prefix), to, limit }, local))
}

fn parse_limit(text: &str) -> Result<usize, Refusal> {
    text.parse().ok().filter(|limit| (1..=MOST_ENTRIES).contains(limit)).ok_or_else(|| {
        let hint = format!("a page has 1 to {MOST_ENTRIES} entries; its `next` is the `from` of the page after it");
        Refusal::new(StatusCode::BAD_REQUEST, format!("{text:?} is no limit"), hint)
    })
}

#[derive(Serialize)]
struct Answer<'a> {
    plugin: &'a str,
    store: &'a str,
    partitions: &'a [i32],
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Page<'a> {
    #[serde(flatten)]
    answer: Answer<'a>,
    next: Option<String>,
}

#[derive(Serialize)]
struct Entry<'a> {
    partition: i32,
    key: Text<'a>,
    value: Json<'a>,
    timestamp: i64,
}

impl<'a> Answer<'a> {
    fn new(plugin: &'a str, store: &'a str, found: &'a Found) -> Self {
        let entry = |entry: &'a FoundEntry| Entry {
            partition: entry.partition,
            key: Text(&entry.key),
            value: Json(&entry.value),
            timestamp: entry.written,
        };
        Answer { plugin, store, partitions: &found.partitions, entries: found.entries.iter().map(entry).collect() }
    }
}

/// A text, or the base64 of what is none.
struct Text<'a>(&'a [u8]);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Base64::of(self.0).serialize(serializer),
        }
    }
}

/// JSON as it is, or the base64 of what is none, or could be taken for base64.
struct Json<'a>(&'a [u8]);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_slice::<&RawValue>(self.0) {
            Ok(json) if !(json.get().starts_with('{') && base64_of(json.get()) != Ok(None)) => {
                json.serialize(serializer)
            }
            _ => Base64::of(self.0).serialize(serializer),
        }
    }
}

#[derive(Serialize)]
struct Base64 {
    base64: String,
}

impl Base64 {
    fn of(bytes: &[u8]) -> Self {
        Base64 { base64: STANDARD.encode(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(parameters: &str) -> (Vec<u8>, Vec<u8>, usize) {
        match keys(parameters) {
            Ok((Keys::Page { from, to, limit }, false)) => (from, to, limit),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parameters_become_one_range() {
        assert_eq!(page(""), (vec![], vec![], 100));
        assert_eq!(page("from=a&to=c&limit=7"), (b"a".to_vec(), b"c".to_vec(), 7));
        assert_eq!(page("from=a%2Fb+c"), (b"a/b c".to_vec(), vec![], 100));
    }

    #[test]
    fn a_prefix_bounds_the_range_on_both_sides() {
        assert_eq!(page("prefix=fr"), (b"fr".to_vec(), b"fs".to_vec(), 100));
        assert_eq!(page("prefix=fr&from=a&to=z"), (b"fr".to_vec(), b"fs".to_vec(), 100));
        assert_eq!(page("prefix=fr&from=fra&to=frx"), (b"fra".to_vec(), b"frx".to_vec(), 100));
        assert_eq!(page("prefix=a%ff%FF"), (b"a\xff\xff".to_vec(), b"b".to_vec(), 100));
        assert_eq!(page("prefix=%ff"), (b"\xff".to_vec(), vec![], 100));
    }

    #[test]
    fn a_limit_out_of_bounds_and_an_unknown_parameter_are_refused() {
        for parameters in ["limit=0", "limit=1001", "limit=many", "limit", "form=a"] {
            assert_eq!(keys(parameters).unwrap_err().status(), 400, "{parameters}");
        }
    }

    #[test]
    fn a_value_is_shown_as_the_json_that_it_is() {
        let shown = |bytes| serde_json::to_string(&Json(bytes)).unwrap();
        assert_eq!(shown(br#"{"total": 12.50}"#), r#"{"total": 12.50}"#);
        assert_eq!(shown(b"42"), "42");
        assert_eq!(shown(b"plain"), r#"{"base64":"cGxhaW4="}"#);
        assert_eq!(shown(b"\xff"), r#"{"base64":"/w=="}"#);
        assert_eq!(shown(br#"{"base64":"/w=="}"#), r#"{"base64":"eyJiYXNlNjQiOiIvdz09In0="}"#);
        assert_eq!(serde_json::to_string(&Text(b"42")).unwrap(), r#""42""#);
        assert_eq!(serde_json::to_string(&Text(b"\xff")).unwrap(), r#"{"base64":"/w=="}"#);
    }
}
