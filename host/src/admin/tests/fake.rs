//! What stands behind HTTP in these tests: a plugin that runs, and one that was never taken.

use crate::admin::control::*;
use crate::admin::timestamp::Timestamp;
use crate::metrics::Metrics;
use crate::state::{Found, FoundEntry, Keys, Query};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::{Notify, OwnedRwLockWriteGuard, RwLock};

pub(super) struct Fake {
    metrics: Arc<Metrics>,
    reasons: Mutex<Vec<String>>,
    actions: Mutex<Vec<(String, Action)>>,
    signals: Mutex<Vec<Signal>>,
    events: Mutex<Vec<NewEvent>>,
    other: Mutex<Option<String>>,
    spread: Mutex<Result<Option<Spread>, String>>,
    gate: Arc<RwLock<()>>,
    /// An action has begun.
    pub(super) begun: Notify,
    /// An action has ended.
    pub(super) done: Notify,
}

impl Fake {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Fake {
            metrics,
            reasons: Mutex::default(),
            actions: Mutex::default(),
            signals: Mutex::default(),
            events: Mutex::default(),
            other: Mutex::new(Some("10.0.0.7:8080".to_owned())),
            spread: Mutex::new(Ok(None)),
            gate: Arc::default(),
            begun: Notify::new(),
            done: Notify::new(),
        }
    }

    pub(super) fn set_reasons(&self, reasons: &[&str]) {
        *self.reasons.lock().unwrap() = reasons.iter().map(|reason| reason.to_string()).collect();
    }

    /// What was done, in order.
    pub(super) fn actions(&self) -> Vec<(String, Action)> {
        self.actions.lock().unwrap().clone()
    }

    /// What was sent to the plugin fraud, in order.
    pub(super) fn signals(&self) -> Vec<Signal> {
        self.signals.lock().unwrap().clone()
    }

    /// Where another host is, which has the key "there" of the store recent.
    pub(super) fn set_other(&self, address: Option<&str>) {
        *self.other.lock().unwrap() = address.map(str::to_owned);
    }

    /// Where tasks of the plugin fraud are that have something in the store totals.
    pub(super) fn set_spread(&self, spread: Result<Option<Spread>, String>) {
        *self.spread.lock().unwrap() = spread;
    }

    /// What was put into the topic clients, in order.
    pub(super) fn events(&self) -> Vec<NewEvent> {
        self.events.lock().unwrap().clone()
    }

    /// Actions begin, and do not end until the answer is dropped.
    pub(super) async fn hold_actions(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.gate).write_owned().await
    }

    fn outcome(&self, plugin: &str, action: Action) -> Result<String, ControlError> {
        let paused = self.actions().iter().any(|(_, action)| *action == Action::Pause);
        match (plugin, action) {
            ("fraud", Action::Pause) => Ok("paused at a commit; its partitions are kept".to_owned()),
            ("fraud", Action::Resume) if !paused => Err(ControlError::Conflict("\"fraud\" is not paused".to_owned())),
            ("fraud", Action::Resume) => Ok("it goes on".to_owned()),
            ("fraud", Action::Reload) => Ok("the file has not changed; its module was made anew".to_owned()),
            ("fraud", Action::Rollback) => Ok("back at 1.3.0; it stays until the file changes".to_owned()),
            ("payment", _) => Err(ControlError::Failed("plugins/payment.wasm is not a component".to_owned())),
            _ => Err(ControlError::UnknownPlugin),
        }
    }
}

impl Control for Fake {
    fn plugins(&self) -> Vec<PluginStatus> {
        vec![fraud(&self.metrics), payment()]
    }

    fn plugin(&self, name: &str) -> Option<PluginStatus> {
        self.plugins().into_iter().find(|plugin| plugin.name == name)
    }

    fn first_outputs(&self, name: &str) -> Option<FirstOutputs> {
        let plugin = self.plugin(name)?;
        let output = |sink: &SinkStatus| OutputSeen {
            sink: sink.name.clone(),
            topic: sink.topic.clone(),
            key: Some("o-17".to_owned()),
            value: Some(r#"{"order_id":"o-17","amount":412.5,"country":"FR"}"#.to_owned()),
        };
        let outputs = plugin.sinks.iter().map(output).collect();
        Some(FirstOutputs { plugin: plugin.name, version: plugin.version, outputs })
    }

    fn ready(&self) -> Readiness {
        Readiness { reasons: self.reasons.lock().unwrap().clone() }
    }

    fn act<'a>(&'a self, plugin: &'a str, action: Action) -> BoxFuture<'a, Result<String, ControlError>> {
        Box::pin(async move {
            self.begun.notify_one();
            drop(self.gate.read().await);
            let outcome = self.outcome(plugin, action);
            if outcome.is_ok() {
                self.actions.lock().unwrap().push((plugin.to_owned(), action));
            }
            self.done.notify_one();
            outcome
        })
    }

    fn signal<'a>(&'a self, plugin: &'a str, signal: Signal) -> BoxFuture<'a, Result<usize, ControlError>> {
        Box::pin(async move {
            match plugin {
                "fraud" => {
                    self.signals.lock().unwrap().push(signal);
                    Ok(3)
                }
                "payment" => Err(ControlError::Conflict("\"payment\" has no input of signals".to_owned())),
                _ => Err(ControlError::UnknownPlugin),
            }
        })
    }

    fn put<'a>(&'a self, event: NewEvent) -> BoxFuture<'a, Result<Written, PutError>> {
        Box::pin(async move {
            match (&*event.topic, event.key.as_deref()) {
                ("clients", Some(b"too-large")) => Err(PutError::Refused("clients: message size too large".to_owned())),
                ("clients", Some(b"lost")) => Err(PutError::Unanswered("clients: the brokers are away".to_owned())),
                ("clients", _) => {
                    self.events.lock().unwrap().push(event);
                    Ok(Written { partition: 2, offset: 41 })
                }
                _ => Err(PutError::Closed(vec!["clients".to_owned()])),
            }
        })
    }

    fn spread<'a>(&'a self, _: &'a str, query: &'a Query) -> BoxFuture<'a, Result<Option<Spread>, String>> {
        Box::pin(async move {
            let spread = self.spread.lock().unwrap().clone();
            if query.store == "totals" { spread } else { Ok(None) }
        })
    }

    fn query<'a>(&'a self, plugin: &'a str, query: Query) -> BoxFuture<'a, Result<Found, QueryError>> {
        Box::pin(async move {
            match (plugin, &*query.store) {
                ("fraud", "totals") => Ok(find(&query)),
                ("fraud", "recent") => match &query.keys {
                    Keys::One(key) if key == b"there" => {
                        Err(QueryError::Elsewhere { partition: 3, address: self.other.lock().unwrap().clone() })
                    }
                    _ => Ok(Found::default()),
                },
                ("fraud", "opening") => Err(QueryError::NotOpen),
                ("fraud", "broken") => Err(QueryError::Failed("the stores on disk: it has gone".to_owned())),
                ("fraud", _) => Err(QueryError::UnknownStore(vec!["totals".to_owned(), "recent".to_owned()])),
                ("payment", _) => Err(QueryError::UnknownStore(vec![])),
                _ => Err(QueryError::UnknownPlugin),
            }
        })
    }
}

/// What the plugin fraud remembers: partition, key, value.
const TOTALS: [(i32, &[u8], &[u8]); 4] = [
    (0, b"DE", br#"{"orders":7,"amount":812.5}"#),
    (2, b"FR", br#"{"orders":2,"amount":99.9}"#),
    (1, b"FR/Paris", b"one"),
    (0, b"\xff", b"\xfe"),
];

/// As the supervisor does, of one store.
fn find(query: &Query) -> Found {
    let inside = |key: &[u8]| match &query.keys {
        Keys::One(one) => key == one,
        Keys::Page { from, to, .. } => key >= &from[..] && (to.is_empty() || key < &to[..]),
    };
    let entry = |(partition, key, value): &(i32, &[u8], &[u8])| FoundEntry {
        partition: *partition,
        key: (*key).into(),
        value: (*value).into(),
        written: 1_767_225_600_000,
    };
    let mut entries: Vec<FoundEntry> = TOTALS.iter().filter(|(_, key, _)| inside(key)).map(entry).collect();
    let limit = match query.keys {
        Keys::One(_) => usize::MAX,
        Keys::Page { limit, .. } => limit,
    };
    let next = entries.get(limit).map(|entry| entry.key.clone());
    entries.truncate(limit);
    Found { partitions: vec![0, 1, 2], entries, next }
}

pub(super) fn metrics() -> Metrics {
    let metrics = Metrics::new();
    let fraud = metrics.plugin("fraud");
    fraud.events(1_250_000, 171_250_000);
    fraud.outputs(38_112, 5_221_344);
    fraud.wasm_time(Duration::from_millis(400));
    for _ in 0..3 {
        fraud.failure("reject", "bad-json");
    }
    fraud.dead_letters(3);
    let worker = fraud.worker(0);
    worker.set_lag(41);
    worker.set_memory(1_179_648);
    worker.set_tasks(3);
    metrics.module_refused("payment", "not-a-component");
    metrics
}

fn fraud(metrics: &Metrics) -> PluginStatus {
    PluginStatus {
        name: "fraud".to_owned(),
        state: State::Running,
        version: Some("1.4.0".to_owned()),
        description: Some("Large orders from countries that are not trusted".to_owned()),
        sha256: Some("9f2c1d54c0de7a1be5a4c58a1f2f0c3d4f9be1f1a3d8770c6f3ad0d2be64a911".to_owned()),
        world: Some("batch-plugin".to_owned()),
        loaded_at: Some(at(1_767_225_600_000)),
        inputs: vec![InputStatus { name: "orders".to_owned(), topics: vec!["shop.orders".to_owned()] }],
        sinks: vec![SinkStatus { name: "fraud-alerts".to_owned(), topic: "risk.alerts".to_owned() }],
        dead_letter_topic: Some("shop-fraud-dlq".to_owned()),
        workers: vec![WorkerStatus { index: 0, state: State::Running, tasks: vec![0, 1, 2], restarts: 0 }],
        loading: false,
        pinned: false,
        refused: None,
        error: None,
        counters: metrics.plugin("fraud").snapshot().into(),
    }
}

fn payment() -> PluginStatus {
    PluginStatus {
        name: "payment".to_owned(),
        state: State::Refused,
        version: None,
        description: None,
        sha256: None,
        world: None,
        loaded_at: None,
        inputs: vec![],
        sinks: vec![],
        dead_letter_topic: None,
        workers: vec![],
        loading: false,
        pinned: false,
        refused: Some(RefusedModule {
            at: at(1_767_225_601_250),
            sha256: "11b0c2f4d7a0a4e2ac3c6f60d2d1d9be0f5b8a9a6d0ff1c1bb62f6b0a3f1e7d5".to_owned(),
            code: "not-a-component".to_owned(),
            message: "plugins/payment.wasm is a core module: build it for wasm32-wasip2".to_owned(),
        }),
        error: None,
        counters: Counters::default(),
    }
}

fn at(milliseconds: u64) -> Timestamp {
    (UNIX_EPOCH + Duration::from_millis(milliseconds)).into()
}
