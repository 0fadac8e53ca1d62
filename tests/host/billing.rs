//! Two of the shipped plugins in a row: what is billed in a cycle is mailed, each once, whatever happens to the host.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wasmill_tests::{Host, Kafka, LONG, Record, Setup, post, turn, unique, wait, wait_until};

/// Transactions, each for as many cents as its number; every third is yearly, the others are monthly.
const TRANSACTIONS: u64 = 30_000;

const CLIENTS: u64 = 40;

/// As short as brokers allow: a killed member's partitions are given to others after it.
const SHORT_SESSION: &str = "[kafka.consumer]\n'session.timeout.ms' = 6000\n'heartbeat.interval.ms' = 1000";

struct Shop {
    kafka: Kafka,
    application: String,
    transactions: String,
    clients: String,
    billed: String,
    emails: String,
}

impl Shop {
    fn new() -> Self {
        let kafka = Kafka::connect();
        let topic = |name: &str| kafka.topic(name, 2);
        let (transactions, clients) = (topic("transactions"), topic("clients"));
        let (billed, emails) = (topic("billed"), topic("emails"));
        Shop { application: unique("billing"), transactions, clients, billed, emails, kafka }
    }

    fn start(&self) -> Host {
        let Shop { transactions, clients, billed, emails, .. } = self;
        let others: String = ["approved", "declined", "refunded"]
            .iter()
            .map(|status| format!("{status}_transactions = \"{}-{status}\"\n", self.application))
            .collect();
        let billing = format!(
            "settings = {{ bill = \"by-cycle\" }}\n[inputs]\ntransactions = {transactions:?}\n\
             [sinks]\nbilled_transactions = {billed:?}\n{others}"
        );
        let mailer = format!(
            "settings = {{ wait = \"1 h\" }}\n[inputs]\nbilled_transactions = {billed:?}\nclients = {clients:?}\n\
             [sinks]\nemails = {emails:?}\nundeliverable = \"{}-undeliverable\"\n",
            self.application
        );
        Setup::new(&self.kafka, &self.application)
            .config(SHORT_SESSION)
            .module("billing", "billing")
            .plugin_config("billing", &billing)
            .module("mailer", "mailer")
            .plugin_config("mailer", &mailer)
            .start()
    }

    fn approve_all(&self) {
        let transaction = |number: u64| {
            let value = json!({
                "id": number, "client_id": client(number), "amount": format!("{}.{:02}", number / 100, number % 100),
                "currency": "EUR", "status": "APPROVED", "interval": interval(number),
            });
            Record::new(value.to_string()).key(number.to_string())
        };
        let all: Vec<Record> = (0..TRANSACTIONS).map(transaction).collect();
        self.kafka.produce(&self.transactions, &all);
        self.kafka.wait_until_committed(&format!("{}-billing", self.application), &self.transactions, LONG);
    }

    fn make_known(&self, clients: impl Iterator<Item = u64>) {
        let client = |number: u64| {
            let value = json!({ "id": client(number), "name": "Ann", "email": format!("{number}@example.com") });
            Record::new(value.to_string()).key(client(number))
        };
        self.kafka.produce(&self.clients, &clients.map(client).collect::<Vec<_>>());
    }

    /// So many records, and not one more.
    fn exactly(&self, topic: &str, count: usize) -> Vec<Record> {
        self.kafka.read_until(topic, LONG, |records| records.len() >= count);
        let records = self.kafka.read_all(topic);
        assert_eq!(records.len(), count, "of {topic}");
        records
    }
}

fn client(number: u64) -> String {
    format!("c-{}", number % CLIENTS)
}

fn interval(number: u64) -> &'static str {
    if number.is_multiple_of(3) { "YEARLY" } else { "MONTHLY" }
}

fn run_cycle(host: &Host, payload: &str) {
    let path = "/plugins/billing/signals/execute-billing-cycle";
    let sent = post(host.admin(), path, &["Content-Type: application/json"], payload).expect("an answer");
    assert_eq!(sent.status, 202, "{sent:?}");
}

fn status_of(host: &Host, number: u64) -> Value {
    let path = format!("/plugins/billing/stores/transactions/{number}");
    let answer = wait(&path, LONG, || Some(host.get(&path)).filter(|response| response.status == 200));
    answer.json()["entries"][0]["value"]["status"].clone()
}

/// What `field` says in each, by the records' keys, in their order.
fn by_key(records: &[Record], field: &str) -> BTreeMap<String, Vec<u64>> {
    let mut all: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for record in records {
        let value: Value = serde_json::from_str(record.text()).expect("JSON");
        let key = String::from_utf8(record.key.clone().expect("a key")).expect("a text");
        all.entry(key).or_default().push(value[field].as_u64().expect("a number"));
    }
    all
}

#[test]
fn a_cycle_bills_and_mails_each_transaction_once_though_the_host_is_killed_in_it() {
    let _turn = turn();
    let shop = Shop::new();
    let mut host = shop.start();
    host.wait_for_tasks("billing", 2);
    shop.make_known(1..CLIENTS);
    shop.approve_all();
    assert_eq!(status_of(&host, 1), "APPROVED");

    // Of one interval, undisturbed.
    run_cycle(&host, r#"{"interval":"YEARLY"}"#);
    let yearly = shop.exactly(&shop.billed, TRANSACTIONS as usize / 3);
    assert!(yearly.iter().all(|record| record.text().contains("YEARLY")));
    assert_eq!((status_of(&host, 3), status_of(&host, 1)), ("BILLED".into(), "APPROVED".into()));

    // Of all that is left.
    let before: i64 = shop.kafka.ends(&shop.billed).iter().sum();
    run_cycle(&host, "");
    wait_until("some bills", LONG, || shop.kafka.ends(&shop.billed).iter().sum::<i64>() > before);
    host.kill9();
    host.start();
    host.wait_until_ready();

    let billed = by_key(&shop.exactly(&shop.billed, TRANSACTIONS as usize), "id");
    let ids: BTreeSet<u64> = billed.values().flatten().copied().collect();
    assert_eq!(ids, (0..TRANSACTIONS).collect(), "each once");
    assert!(billed.iter().all(|(key, ids)| ids.iter().all(|id| *key == client(*id))));
    assert_eq!(status_of(&host, 1), "BILLED");

    // One client is still unknown.
    let waiting = billed[&client(0)].len();
    shop.exactly(&shop.emails, TRANSACTIONS as usize - waiting);
    shop.make_known(0..1);
    let emails = by_key(&shop.exactly(&shop.emails, TRANSACTIONS as usize), "transaction_id");
    assert_eq!(emails, billed, "in the order of the bills");
    assert_eq!(host.sigterm().code(), Some(0));
}
