//! Topics: made if they are missing, refused if they do not fit, and merged by time.

use crate::stage::{Stage, plugin_toml, texts};
use wasmill_tests::{Kafka, LONG, Record, Setup, unique};

#[test]
fn missing_topics_are_created_with_the_configured_partitions() {
    let kafka = Kafka::connect();
    let application = unique("create");
    let (input, output) = (unique("create-in"), unique("create-out"));
    let setup = Setup::new(&kafka, &application).config("[topics]\npartitions = 3");

    let _host = setup.module("p", "chaos").plugin_config("p", &plugin_toml("", &input, &output, "")).start();

    for topic in [&input, &output, &format!("{application}-p-dlq")] {
        assert_eq!(kafka.partitions(topic), Some(3), "{topic}");
    }
    kafka.produce(&input, &[Record::new("1")]);
    kafka.wait_until_committed(&format!("{application}-p"), &input, LONG);
    assert_eq!(texts(&kafka.read_all(&output)), ["1"]);
}

/// The plugin is refused with the code `topics` and this message, and not running.
fn refused(setup: Setup, messages: &[&str]) -> wasmill_tests::Host {
    let host = setup.start_unready();
    let plugin = host.wait_for_plugin("p", "to be refused", |plugin| plugin["state"] == "refused");
    assert_eq!(plugin["refused"]["code"], "topics");
    for message in messages {
        assert!(plugin["refused"]["message"].as_str().expect("a message").contains(message), "{plugin}");
        host.wait_for_line(&["ERROR p refused", message]);
    }
    assert_eq!(host.metric("wasmill_modules_refused_total{plugin=\"p\",code=\"topics\"}"), Some(1.0));
    let ready = host.get("/ready");
    assert_eq!(ready.status, 503, "{}", ready.body);
    assert_eq!(ready.json()["reasons"][0], "no plugin runs that should (p): GET /plugins says why");
    host
}

#[test]
fn with_create_false_a_missing_topic_is_named_with_what_to_do() {
    let stage = Stage::new("no-create", 1);
    let missing = unique("missing");
    let setup = Setup::new(&stage.kafka, &stage.application).config("[topics]\ncreate = false\npartitions = 3");
    let setup =
        setup.module("p", "chaos").plugin_config("p", &plugin_toml("on-failure = 'skip'", &missing, &stage.output, ""));

    let host = refused(setup, &[&missing, "create it with 3 partitions, or set `create = true`"]);

    assert_eq!(stage.kafka.partitions(&missing), None);
    stage.kafka.create_topic(&missing, 1, &[]);
    assert_eq!(host.post("/plugins/p/reload").status, 200);
    host.wait_for_tasks("p", 1);
}

#[test]
fn inputs_with_unequal_partition_counts_are_refused() {
    let stage = Stage::new("unequal", 2);
    let other = stage.kafka.topic("unequal-other", 3);
    let toml = format!("[inputs]\nin = [{:?}, {other:?}]\n[sinks]\nout = {:?}\n", stage.input, stage.output);

    let messages =
        ["must have the same number of partitions", &format!("{} has 2", stage.input), &format!("{other} has 3")];
    refused(stage.setup().module("p", "chaos").plugin_config("p", &toml), &messages);
}

#[test]
fn two_inputs_are_merged_by_time() {
    let stage = Stage::new("merge", 2);
    let other = stage.kafka.topic("merge-other", 2);
    let events = |from: i64| -> Vec<Record> {
        let event = |number: i64| Record::new(number.to_string()).timestamp(1_700_000_000_000 + number).partition(0);
        (0..1_000).map(|step| event(from + 2 * step)).collect()
    };
    stage.kafka.produce(&stage.input, &events(0));
    stage.kafka.produce(&other, &events(1));
    let toml = format!(
        "max-task-idle = '3 s'\n[inputs]\nin = [{:?}, {other:?}]\n[sinks]\nout = {:?}\n",
        stage.input, stage.output
    );

    let _host = stage.setup().module("p", "chaos").plugin_config("p", &toml).start();
    stage.wait_until_done("p");
    stage.kafka.wait_until_committed(&stage.group("p"), &other, LONG);

    let mut numbers: Vec<i64> =
        texts(&stage.kafka.read_all(&stage.output)).iter().map(|text| text.parse().unwrap()).collect();
    numbers.dedup();
    // Events without a key go anywhere: each partition of the output is in order, and together they are all.
    let ordered = numbers.windows(2).filter(|pair| pair[0] > pair[1]).count();
    assert!(ordered <= 1, "{ordered} steps back, where one, between two partitions, may be");
    numbers.sort_unstable();
    assert_eq!(numbers, (0..2_000).collect::<Vec<_>>());
}
