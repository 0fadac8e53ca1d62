//! Holds `docs/configuration.md` against the code: the keys, their defaults and the examples.

use super::document::Document;
use super::{Config, Overrides, PluginConfig, host_reader, plugin_reader};
use std::collections::BTreeSet;
use std::path::Path;

const DOCS: &str = include_str!("../../../docs/configuration.md");
const HOST: &str = "`wasmill.toml`";
const PLUGIN: &str = "`plugins/NAME.toml`";

/// A row of a table of keys.
struct Row {
    /// With its table: `kafka.brokers`; a name of the user's own is `*`.
    key: String,
    /// As TOML; None if it is said in words.
    default: Option<String>,
}

/// The lines of the chapter with this heading.
fn chapter(heading: &str) -> impl Iterator<Item = &'static str> {
    let heading = format!("## {heading}");
    DOCS.lines().skip_while(move |line| *line != heading).skip(1).take_while(|line| !line.starts_with("## "))
}

fn rows(heading: &str) -> Vec<Row> {
    let mut table = String::new();
    let mut rows = Vec::new();
    for line in chapter(heading) {
        if let Some(title) = line.strip_prefix("### ") {
            table = between(title, "`[", "]`").map(|name| format!("{name}.")).unwrap_or_default();
        } else if line.starts_with("| `") {
            let cells = line.split('|').map(str::trim).collect::<Vec<_>>();
            let key = between(cells[1], "`", "`").unwrap_or_else(|| panic!("a key in backticks: {line}"));
            let key = if key.chars().all(|c| c.is_ascii_uppercase()) { "*" } else { key };
            rows.push(Row { key: format!("{table}{key}"), default: between(cells[2], "`", "`").map(str::to_owned) });
        }
    }
    rows
}

fn examples(heading: &str) -> Vec<String> {
    let mut examples = Vec::new();
    let mut lines = chapter(heading);
    while lines.by_ref().any(|line| line == "```toml") {
        let block = lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>();
        examples.push(block.join("\n"));
    }
    examples
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inner, _)| inner)
}

fn check_keys(heading: &str, known: Vec<String>) {
    let documented = rows(heading).into_iter().map(|row| row.key).collect::<Vec<_>>();
    let unique = documented.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(documented.len(), unique.len(), "a key is documented twice: {documented:?}");
    assert_eq!(unique, known.into_iter().collect(), "left: docs/configuration.md, right: the code");
}

fn host(text: &str) -> Config {
    let overrides = Overrides { brokers: Some("localhost:9092".into()), ..Overrides::default() };
    Config::parse(None, text, &overrides, &|_| None).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

fn plugin(text: &str) -> PluginConfig {
    let variables = |_: &str| None;
    PluginConfig::parse(Path::new(""), text, &variables).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

#[test]
fn the_documented_keys_are_those_of_the_code() {
    let document = Document::new(None, "", &|_| None);
    host_reader::read(&document, &Overrides::default());
    check_keys(HOST, document.known_keys());

    let document = Document::new(None, "", &|_| None);
    plugin_reader::read(&document);
    check_keys(PLUGIN, document.known_keys());
}

#[test]
fn the_documented_defaults_are_those_of_the_code() {
    let defaults =
        |heading| rows(heading).into_iter().filter_map(|row| Some(format!("{} = {}", row.key, row.default?)));
    let host_defaults = defaults(HOST).collect::<Vec<_>>();
    assert!(host_defaults.contains(&"topics.partitions = 4".to_owned()), "{host_defaults:?}");
    for text in host_defaults {
        assert_eq!(host(&text), host(""), "{text}");
    }
    let plugin_defaults = defaults(PLUGIN).collect::<Vec<_>>();
    assert!(plugin_defaults.contains(&"limits.memory = \"64 MiB\"".to_owned()), "{plugin_defaults:?}");
    for text in plugin_defaults {
        assert_eq!(plugin(&text), PluginConfig::default(), "{text}");
    }
}

#[test]
fn the_examples_are_good() {
    let variables = |name: &str| Some(format!("value-of-{name}"));
    let host_examples = examples(HOST);
    assert!(!host_examples.is_empty());
    for text in host_examples {
        Config::parse(None, &text, &Overrides::default(), &variables)
            .unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    }
    let plugin_examples = examples(PLUGIN);
    assert!(!plugin_examples.is_empty());
    for text in plugin_examples {
        PluginConfig::parse(Path::new(""), &text, &variables).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    }
}
