//! What plugins remember, asked for while they run.

use crate::stage::Stage;
use serde_json::{Value, json};
use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};
use wasmill_tests::{Host, LONG, Record, turn, wait, wasmill};

const STORE: &str = "/plugins/p/stores/counts";

/// What the host answers once its tasks are open.
fn asked(host: &Host, path: &str) -> Value {
    let answer = wait(path, LONG, || Some(host.get(path)).filter(|response| response.status == 200));
    answer.json()
}

/// Keys and values of a page.
fn entries(page: &Value) -> Vec<(Value, Value)> {
    let entries = page["entries"].as_array().expect("entries");
    entries.iter().map(|entry| (entry["key"].clone(), entry["value"].clone())).collect()
}

fn check(host: &Host, written: i64) {
    // Of the last event: what was before it is committed as well.
    asked(host, &format!("{STORE}/US"));
    let one = asked(host, &format!("{STORE}/FR%2F1"));
    assert_eq!(entries(&one), [(json!("FR/1"), json!(5))]);
    assert_eq!(one["entries"][0]["timestamp"], written, "{one}");
    assert_eq!(one["partitions"], json!([0]));

    let page = asked(host, &format!("{STORE}?prefix=FR&limit=1"));
    assert_eq!(entries(&page), [(json!("FR/1"), json!(5))]);
    let next = page["next"].as_str().expect("a next page");
    let page = asked(host, &format!("{STORE}?prefix=FR&from={next}"));
    assert_eq!((entries(&page), &page["next"]), (vec![(json!("FR/2"), json!(7))], &Value::Null));

    assert_eq!(host.get(&format!("{STORE}/IT")).status, 404);
    let unknown = host.get("/plugins/p/stores/$timers");
    assert_eq!((unknown.status, &unknown.json()["hint"]), (404, &json!("its stores are counts, recent")));
}

fn state(host: &Host, arguments: &[&str]) -> Output {
    let mut command = wasmill();
    command.arg("state").args(arguments).args(["--host", &host.admin().to_string()]);
    command.output().expect("wasmill can be started")
}

fn printed(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    std::str::from_utf8(&output.stdout).expect("a text")
}

#[test]
fn what_is_committed_can_be_asked_for_also_after_a_restart() {
    let _turn = turn();
    let stage = Stage::new("queries", 1);
    let mut host = stage.plugin("p", "memo", "", "").start();
    host.wait_for_tasks("p", 1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis() as i64;
    let (written, before) = (now - 60_000, now - 61_000);
    let event = |value: &str, at| Record { timestamp: Some(at), ..Record::new(value).key("k") };
    let events = [event("FR/1+2, DE+1, ~old+1", before), event("FR/1+3, FR/2+7, DE!", written), event("US+1", now)];
    stage.kafka.produce(&stage.input, &events);
    stage.wait_until_done("p");

    check(&host, written);
    assert_eq!(host.get(&format!("{STORE}/DE")).status, 404, "it was deleted");
    assert_eq!(entries(&asked(&host, "/plugins/p/stores/recent")), [], "it has expired");
    assert_eq!(printed(&state(&host, &["get", "p", "counts", "FR/1"])), format!("FR/1\t5\t0\t{written}\n"));
    let all = format!("FR/1\t5\t0\t{written}\nFR/2\t7\t0\t{written}\nUS\t1\t0\t{now}\n");
    assert_eq!(printed(&state(&host, &["scan", "p", "counts"])), all);
    let json = state(&host, &["scan", "p", "counts", "--prefix", "FR", "--json"]);
    assert_eq!(printed(&json), host.get(&format!("{STORE}?prefix=FR")).body);
    let nothing = state(&host, &["get", "p", "counts", "IT"]);
    assert_eq!((nothing.status.code(), nothing.stdout.is_empty()), (Some(1), true));

    assert_eq!(host.sigterm().code(), Some(0));
    host.start();
    host.wait_until_ready();
    check(&host, written);
}

#[test]
fn a_key_of_another_host_is_told_or_fetched_from_there() {
    let _turn = turn();
    let stage = Stage::new("owners", 4);
    let sinks: String = ["approved", "declined", "refunded", "billed"]
        .iter()
        .map(|status| format!("{status}_transactions = {:?}\n", stage.output))
        .collect();
    let toml = format!("[inputs]\ntransactions = {:?}\n[sinks]\n{sinks}", stage.input);
    let host = || stage.setup().module("billing", "billing").plugin_config("billing", &toml).advertised().start();
    let (one, two) = (host(), host());
    one.wait_for_tasks("billing", 2);
    two.wait_for_tasks("billing", 2);
    let transaction = |number: u64| {
        let value = json!({
            "id": format!("t-{number}"), "client_id": "c", "amount": "1.00", "currency": "EUR", "status": "APPROVED",
            "interval": "MONTHLY",
        });
        Record::new(value.to_string()).key(format!("t-{number}"))
    };
    stage.kafka.produce(&stage.input, &(0..20).map(transaction).collect::<Vec<_>>());
    stage.wait_until_done("billing");

    let mut told = 0;
    for number in 0..20 {
        let path = format!("/plugins/billing/stores/transactions/t-{number}");
        let (first, second) = (one.get(&path), two.get(&path));
        let (here, there, other) = match first.status {
            200 => (first, second, &two),
            _ => (second, first, &one),
        };
        assert_eq!((here.status, there.status), (200, 421), "{here:?} {there:?}");
        told += u32::from(other.admin() == one.admin());
        let owner = if other.admin() == one.admin() { two.admin() } else { one.admin() };
        assert!(there.body.contains(&format!("http://{owner}{path}")), "{}", there.body);
        let fetched = other.get(&format!("{path}?proxy=true"));
        assert_eq!((fetched.status, &fetched.body), (200, &here.body));
    }
    assert!((1..20).contains(&told), "both have some: {told}");
    // A page is of all, whoever is asked.
    for host in [&one, &two] {
        let page = host.get("/plugins/billing/stores/transactions");
        assert_eq!((page.status, entries(&page.json()).len()), (200, 20), "{}", page.body);
        let own = host.get("/plugins/billing/stores/transactions?local=true");
        assert!((1..20).contains(&entries(&own.json()).len()), "{}", own.body);
    }
    // A key that is nowhere is nowhere, whoever is asked.
    for host in [&one, &two] {
        assert_eq!(host.get("/plugins/billing/stores/transactions/t-99?proxy=true").status, 404);
    }
}
