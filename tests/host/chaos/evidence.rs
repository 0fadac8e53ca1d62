//! What is known of a run, as the invariants want it.

use super::load;
use crate::stage::Stage;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use wasmill_tests::invariants::{Entry, History, Input, Output};
use wasmill_tests::{Host, Record, Watch};

/// The store that the host keeps timers in.
const TIMERS: &str = "$timers";

pub fn history(stage: &Stage, watch: &Watch, hosts: &[&Host]) -> History {
    let outputs = |records: &[Record]| records.iter().map(output).collect::<Vec<_>>();
    let inputs: Vec<Input> = stage.kafka.read_all(&stage.input).iter().map(load::input).collect();
    let different: BTreeSet<u64> = inputs.iter().map(|input| input.number).collect();
    assert_eq!(different.len(), inputs.len(), "the test itself has written an event twice, and nothing can be told");
    let mut history = History {
        inputs,
        outputs: outputs(&stage.kafka.read_all(&stage.output)),
        written: stage.kafka.read_everything(&stage.output).iter().map(place).collect(),
        dead_letters: stage.dead_letters("p").iter().map(|letter| load::input(letter).number).collect(),
        queried: queried(hosts),
        ..History::default()
    };
    read_changelog(stage, &mut history);
    // Last: what it has noted by now must explain what was read before.
    history.seen = outputs(&watch.seen());
    history.offsets = watch.offsets();
    history.ends = watch.ends();
    history
}

fn place(record: &Record) -> (i32, i64) {
    (record.partition.expect("a partition"), record.offset.expect("an offset"))
}

fn output(record: &Record) -> Output {
    let (partition, offset) = place(record);
    let account = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok()).expect("an account");
    Output::parse(partition, offset, account, record.text()).unwrap_or_else(|| panic!("no output: {record:?}"))
}

/// The last value of each key: `LENGTH STORE KEY`, the length being one byte.
fn read_changelog(stage: &Stage, history: &mut History) {
    let mut last: BTreeMap<(i32, Vec<u8>), Option<Vec<u8>>> = BTreeMap::new();
    for record in stage.kafka.read_all(&format!("{}-changelog", stage.group("p"))) {
        last.insert((record.partition.expect("a partition"), record.key.expect("a key")), record.value);
    }
    for ((partition, key), value) in last {
        let Some(value) = value else { continue };
        let (store, key) = key[1..].split_at(key[0] as usize);
        match store {
            b"accounts" => {
                let value = serde_json::from_slice(&value).expect("JSON");
                history.changelog.push(entry(partition, std::str::from_utf8(key).expect("a text"), &value));
            }
            store if store == TIMERS.as_bytes() => history.timers_left += 1,
            _ => {}
        }
    }
    history.changelog.sort();
}

/// All accounts, of all hosts: each is asked for its own, so that one that is away hides no other.
pub fn queried(hosts: &[&Host]) -> Vec<Entry> {
    let mut all = Vec::new();
    for host in hosts {
        let answer = host.get("/plugins/p/stores/accounts?limit=1000&local=true");
        // A host without a task has nothing to say.
        if answer.status != 200 {
            continue;
        }
        let page = answer.json();
        assert_eq!(page["next"], Value::Null, "there are few accounts");
        all.extend(page["entries"].as_array().expect("entries").iter().map(|found| {
            let partition = found["partition"].as_i64().expect("a partition") as i32;
            entry(partition, found["key"].as_str().expect("a text"), &found["value"])
        }));
    }
    all.sort();
    all
}

fn entry(partition: i32, account: &str, value: &Value) -> Entry {
    let number = |name: &str| value[name].as_i64().unwrap_or_else(|| panic!("no {name}: {value}"));
    Entry { partition, account: account.to_owned(), balance: number("balance"), count: number("count") as u64 }
}
