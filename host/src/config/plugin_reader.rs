//! From `plugins/NAME.toml` to a [`PluginConfig`].

use super::document::Document;
use super::plugin::{Delivery, LimitsConfig, OnFailure, PluginConfig, RetryConfig};
use super::table::{Field, Table};
use super::{names, settings, start};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use toml::de::DeValue;

const MILLISECOND: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Reads everything, reporting to the document what is wrong.
pub(super) fn read(document: &Document<'_>) -> PluginConfig {
    let defaults = PluginConfig::default();
    let mut top = document.root();
    let config = PluginConfig {
        start: read_start(&top.take("start")).unwrap_or(defaults.start),
        workers: count(&top.take("workers"), 1..=64).unwrap_or(defaults.workers),
        delivery: delivery(&top.take("delivery")).unwrap_or(defaults.delivery),
        on_failure: top
            .take("on-failure")
            .choice(&[("dead-letter", OnFailure::DeadLetter), ("skip", OnFailure::Skip), ("stop", OnFailure::Stop)])
            .unwrap_or(defaults.on_failure),
        // Longer and a consumer group would wait for a commit of ours in each rebalance.
        commit_interval: top.take("commit-interval").duration(MILLISECOND..=MINUTE).unwrap_or(defaults.commit_interval),
        max_batch: count(&top.take("max-batch"), 1..=10_000).unwrap_or(defaults.max_batch),
        max_failures_in_a_row: count(&top.take("max-failures-in-a-row"), 1..=1_000_000)
            .unwrap_or(defaults.max_failures_in_a_row),
        max_future: top.take("max-future").duration(Duration::ZERO..=YEAR).unwrap_or(defaults.max_future),
        max_task_idle: top.take("max-task-idle").duration(Duration::ZERO..=HOUR).unwrap_or(defaults.max_task_idle),
        inputs: inputs(top.table("inputs")),
        sinks: sinks(top.table("sinks")),
        settings: settings::table_to_json(top.table("settings").rest()),
        limits: limits(top.table("limits")),
        retry: retry(top.table("retry")),
    };
    for (_, field) in top.table("permissions").rest() {
        field.report("nothing can be permitted yet: a plugin has no access to files, the network or the environment");
    }
    top.finish();
    config
}

fn read_start(field: &Field<'_, '_>) -> Option<super::Start> {
    match field.value()? {
        DeValue::Datetime(datetime) => field.ok(start::from_datetime(*datetime)),
        _ => field.read("`earliest`, `latest` or a timestamp", start::from_text),
    }
}

fn delivery(field: &Field<'_, '_>) -> Option<Delivery> {
    field.choice(&[("at-least-once", Delivery::AtLeastOnce), ("exactly-once", Delivery::ExactlyOnce)])
}

fn inputs(table: Table<'_, '_>) -> BTreeMap<String, Vec<String>> {
    let mut inputs = BTreeMap::new();
    // An event belongs to one input: a topic of two would have to be read twice.
    let mut input_of_topic = HashMap::<String, String>::new();
    for (input, field) in table.rest() {
        let items = field.items();
        if items.as_ref().is_some_and(Vec::is_empty) {
            field.report("the list of topics is empty; leave the key out for the plugin's default");
        }
        let mut topics = Vec::new();
        for item in items.as_deref().unwrap_or(std::slice::from_ref(&field)) {
            let Some(topic) = item.read("a topic, or a list of topics", names::topic) else { continue };
            match input_of_topic.insert(topic.clone(), input.clone()) {
                Some(other) if other == input => item.report(format!("\"{topic}\" is named twice")),
                Some(other) => item.report(format!("\"{topic}\" is already a topic of the input `{other}`")),
                None => topics.push(topic),
            }
        }
        inputs.insert(input, topics);
    }
    inputs
}

fn sinks(table: Table<'_, '_>) -> BTreeMap<String, String> {
    table.rest().into_iter().filter_map(|(sink, field)| Some((sink, field.read("a topic", names::topic)?))).collect()
}

fn limits(mut table: Table<'_, '_>) -> LimitsConfig {
    let defaults = LimitsConfig::default();
    let limits = LimitsConfig {
        memory: table.take("memory").size(MIB..=4 * GIB).unwrap_or(defaults.memory),
        refresh_percent: count(&table.take("refresh-percent"), 10..=100).unwrap_or(defaults.refresh_percent),
        // A call that took longer would be in danger of losing its partitions to another member of the group.
        deadline: table.take("deadline").duration_or_none(MILLISECOND..=MINUTE).unwrap_or(defaults.deadline),
        outputs: count(&table.take("outputs"), 1..=1_000_000).unwrap_or(defaults.outputs),
        output_bytes: table.take("output-bytes").size(KIB..=GIB).unwrap_or(defaults.output_bytes),
        log_lines: count(&table.take("log-lines"), 0..=1_000_000).unwrap_or(defaults.log_lines),
    };
    table.finish();
    limits
}

fn retry(mut table: Table<'_, '_>) -> RetryConfig {
    let defaults = RetryConfig::default();
    let (initial_field, max_field) = (table.take("initial"), table.take("max"));
    let initial = initial_field.duration(MILLISECOND..=HOUR);
    let max = max_field.duration(MILLISECOND..=HOUR);
    let attempts = count(&table.take("attempts"), 1..=1_000_000).unwrap_or(defaults.attempts);
    table.finish();
    let given = if max.is_some() { &max_field } else { &initial_field };
    let config =
        RetryConfig { initial: initial.unwrap_or(defaults.initial), max: max.unwrap_or(defaults.max), attempts };
    if config.initial > config.max {
        given.report("the first wait, `retry.initial`, is longer than the longest, `retry.max`");
    }
    config
}

/// A number of things.
fn count<T: TryFrom<i64>>(field: &Field<'_, '_>, range: std::ops::RangeInclusive<i64>) -> Option<T> {
    field.integer(range).and_then(|number| T::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Start;
    use serde_json::json;
    use std::path::Path;

    fn parse(text: &str) -> Result<PluginConfig, String> {
        let environment = |name: &str| (name == "THRESHOLD").then(|| "high".to_owned());
        PluginConfig::parse(Path::new("plugins/fraud.toml"), text, &environment).map_err(|errors| errors.to_string())
    }

    fn check_error(text: &str, expected: &str) {
        let error = parse(text).unwrap_err();
        assert!(error.contains(expected), "expected: {expected}\nfound: {error}");
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(parse(""), Ok(PluginConfig::default()));
        assert_eq!(parse("[permissions]\n[inputs]\n"), Ok(PluginConfig::default()));
    }

    #[test]
    fn a_file_is_read_whole() {
        let config = parse(
            r#"
            start = 2026-01-31T12:00:00Z
            workers = 2
            delivery = "at-least-once"
            on-failure = "skip"
            commit-interval = "1 s"
            max-batch = 7
            max-failures-in-a-row = 3
            max-future = "5 min"
            max-task-idle = "10 ms"
            [inputs]
            orders = "shop.orders"
            returns = ["shop.returns", "shop.claims"]
            [sinks]
            fraud-alerts = "risk.alerts"
            [settings]
            threshold = 300
            name = "${THRESHOLD}"
            ratio = 0.5
            since = 2026-01-31
            trusted = ["US", { country = "CA", ok = true }]
            [settings.nested]
            b = 1
            a = 2
            [limits]
            memory = "1 GiB"
            refresh-percent = 50
            deadline = "none"
            outputs = 5
            output-bytes = "500 kB"
            log-lines = 0
            [retry]
            initial = "1 s"
            max = "1 min"
            attempts = 2
            "#,
        );
        let settings = json!({
            "threshold": 300, "name": "high", "ratio": 0.5, "since": "2026-01-31",
            "trusted": ["US", { "country": "CA", "ok": true }], "nested": { "b": 1, "a": 2 },
        });
        let expected = PluginConfig {
            start: Start::Timestamp(1_769_860_800_000),
            workers: 2,
            delivery: Delivery::AtLeastOnce,
            on_failure: OnFailure::Skip,
            inputs: BTreeMap::from([
                ("orders".into(), vec!["shop.orders".into()]),
                ("returns".into(), vec!["shop.returns".into(), "shop.claims".into()]),
            ]),
            sinks: BTreeMap::from([("fraud-alerts".into(), "risk.alerts".into())]),
            settings: settings.as_object().unwrap().clone(),
            limits: LimitsConfig {
                memory: 1 << 30,
                refresh_percent: 50,
                deadline: None,
                outputs: 5,
                output_bytes: 500_000,
                log_lines: 0,
            },
            retry: RetryConfig { initial: Duration::from_secs(1), max: MINUTE, attempts: 2 },
            commit_interval: Duration::from_secs(1),
            max_batch: 7,
            max_failures_in_a_row: 3,
            max_future: Duration::from_secs(300),
            max_task_idle: Duration::from_millis(10),
        };
        assert_eq!(config, Ok(expected));
    }

    #[test]
    fn settings_keep_the_order_of_the_file() {
        let config = parse("[settings]\nzebra = 1\nant = { y = 1, x = 2 }\n").unwrap();
        assert_eq!(serde_json::to_string(&config.settings).unwrap(), r#"{"zebra":1,"ant":{"y":1,"x":2}}"#);
    }

    #[test]
    fn a_number_without_its_unit_is_told_the_right_form() {
        check_error("commit-interval = 250", "fraud.toml:1:19: `commit-interval`: 250 has no unit");
        check_error("commit-interval = 250", "such as \"250 ms\"");
        check_error("limits.memory = 64", "such as \"64 MiB\"");
        check_error("limits.memory = \"64\"", "write \"64 MiB\"");
        check_error("limits.deadline = true", "expected a time with its unit, such as \"100 ms\", found a boolean");
    }

    #[test]
    fn what_is_out_of_range_is_told_the_range() {
        check_error("workers = 0", "`workers`: must be between 1 and 64");
        check_error("workers = 99999999999999999999", "must be between 1 and 64");
        check_error("max-batch = 10001", "must be between 1 and 10000");
        check_error("commit-interval = \"2 min\"", "must be between 1 ms and 1 min");
        check_error("limits.memory = \"5 GiB\"", "`limits.memory`: must be between 1 MiB and 4 GiB");
        check_error("limits.deadline = \"0 s\"", "must be between 1 ms and 1 min");
        check_error("retry.initial = \"1 min\"", "fraud.toml:1:17: `retry.initial`: the first wait");
        check_error("retry.max = \"1 ms\"", "`retry.max`: the first wait");
    }

    #[test]
    fn exactly_once_and_permissions_are_refused_for_now() {
        check_error("delivery = \"exactly_once\"", "did you mean `exactly-once`?");
        check_error("[permissions]\nnetwork = true", "`permissions.network`: nothing can be permitted yet");
    }

    #[test]
    fn a_topic_feeds_one_input_once() {
        check_error("inputs.a = [\"x\", \"x\"]", "fraud.toml:1:18: `inputs.a[1]`: \"x\" is named twice");
        check_error("[inputs]\nb = \"x\"\na = [\"x\"]", "`inputs.a[0]`: \"x\" is already a topic of the input `b`");
        check_error("inputs.a = []", "the list of topics is empty");
        check_error("inputs.a = 5", "`inputs.a`: expected a topic, or a list of topics, found an integer");
        check_error("sinks.a = \"x y\"", "\"x y\" cannot be a topic's name");
    }

    #[test]
    fn settings_that_are_no_json_and_missing_variables_are_told_with_their_place() {
        let text = "[settings]\na = inf\nb = [\"${ONE}\", \"${TWO}${THREE}\"]\n";
        check_error(text, "the configuration has 4 errors");
        check_error(text, "fraud.toml:2:5: `settings.a`: JSON");
        check_error(text, "fraud.toml:3:6: `settings.b[0]`: the environment variable `ONE` is not set");
        check_error(text, "fraud.toml:3:16: `settings.b[1]`: the environment variable `THREE` is not set");
    }

    #[test]
    fn a_key_below_the_wrong_header_is_told_where_it_belongs() {
        check_error(
            "[limits]\nworkers = 2",
            "fraud.toml:2:1: unknown key `limits.workers`; `workers` belongs to the top",
        );
        check_error("tresholds = 1", "unknown key `tresholds`; known here: start, workers");
        check_error("[setings]\nx = 1", "unknown key `setings`; did you mean `settings`?");
        check_error("limits = 5", "`limits`: expected a table, [limits], found an integer");
    }
}
