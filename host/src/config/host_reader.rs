//! From `wasmill.toml`, the command line and the environment to a [`Config`].

use super::document::Document;
use super::errors::Place;
use super::host::{AdminConfig, Brokers, Config, KafkaConfig, LogConfig, LogFormat, PluginsConfig, TopicsConfig};
use super::table::{Field, Table};
use super::{check_log_filter, kafka_properties, names};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use toml::de::DeValue;

/// Used if no token is configured: a container gets its secrets in its environment, and may have no file at all.
const TOKEN_VARIABLE: &str = "WASMILL_TOKEN";

/// What the command line and the environment say; it wins over the file. Values are as they were typed: they are checked
/// together with the file's, so that all errors come at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--application`.
    pub application: Option<String>,
    /// `--state-dir`, relative to the working directory.
    pub state_dir: Option<PathBuf>,
    /// `--brokers`.
    pub brokers: Option<String>,
    /// `--embedded`; wins over `brokers`.
    pub embedded: bool,
    /// `--plugins`, relative to the working directory.
    pub plugins: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--log-format`.
    pub log_format: Option<String>,
    /// `--log-level`.
    pub log_level: Option<String>,
}

/// Reads everything, reporting to the document what is wrong.
pub(super) fn read(document: &Document<'_>, overrides: &Overrides) -> Config {
    let mut top = document.root();
    let state_field = top.take("state-dir");
    let config = Config {
        application: top
            .take("application")
            .or_option("--application (or WASMILL_APPLICATION)", overrides.application.as_deref())
            .read("a name", names::application)
            .unwrap_or_else(|| "wasmill".to_owned()),
        state_dir: path(document, &state_field, overrides.state_dir.as_deref(), "state"),
        state_cache: top.take("state-cache").size(1 << 20..=64 << 30).unwrap_or(64 << 20),
        kafka: kafka(document, top.table("kafka"), overrides),
        plugins: plugins(document, top.table("plugins"), overrides),
        topics: topics(top.table("topics")),
        admin: admin(document, top.table("admin"), overrides),
        log: log(top.table("log"), overrides),
    };
    top.finish();
    if is_inside(&config.state_dir, &config.plugins.dir) {
        let message = format!(
            "`state-dir`: {} is inside the plugins folder {}, and machine code is kept in it: whoever may drop a module must \
             not be able to drop that; name a folder elsewhere (`--state-dir`)",
            config.state_dir.display(),
            config.plugins.dir.display()
        );
        let place = match overrides.state_dir {
            Some(_) => Place::Option("--state-dir (or WASMILL_STATE_DIR)"),
            None => state_field.place().clone(),
        };
        document.report_missing(place, message);
    }
    config
}

fn kafka(document: &Document<'_>, mut table: Table<'_, '_>, overrides: &Overrides) -> KafkaConfig {
    let given = if overrides.embedded { Some("embedded") } else { overrides.brokers.as_deref() };
    let field = table
        .take("brokers")
        .or_option(if overrides.embedded { "--embedded" } else { "--brokers (or WASMILL_BROKERS)" }, given);
    if !field.is_set() {
        document.report_missing(
            Place::Nowhere,
            "no Kafka brokers are given; name them with `--brokers HOST:PORT` (or WASMILL_BROKERS), with `brokers` in \
             [kafka] of wasmill.toml, or try without a Kafka of your own: `--embedded`"
                .to_owned(),
        );
    }
    let brokers = field.read("brokers such as \"localhost:9092\"", names::brokers).unwrap_or(Brokers::Embedded);
    let defaults = KafkaConfig::of(brokers);
    let size = |field: Field<'_, '_>| field.size(1 << 20..=64 << 30).map(|bytes| bytes as u64);
    let config = KafkaConfig {
        prefetch: size(table.take("prefetch")).unwrap_or(defaults.prefetch),
        unacknowledged: size(table.take("unacknowledged")).unwrap_or(defaults.unacknowledged),
        brokers: defaults.brokers,
        properties: properties(table.table("properties")),
        consumer: properties(table.table("consumer")),
        producer: properties(table.table("producer")),
    };
    table.finish();
    config
}

fn properties(table: Table<'_, '_>) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    collect_properties("", table.rest(), &mut properties);
    properties
}

/// `security.protocol = …` without quotes is a table in a table to TOML, and means the property all the same.
fn collect_properties(prefix: &str, fields: Vec<(String, Field<'_, '_>)>, into: &mut BTreeMap<String, String>) {
    for (key, field) in fields {
        let name = format!("{prefix}{key}");
        if let Some(nested) = field.entries() {
            collect_properties(&format!("{name}."), nested, into);
        } else if let Some(reason) = kafka_properties::refused(&name) {
            field.report(format!("is not yours to set: {reason}"));
        } else if let Some(value) = property(&field)
            && into.insert(name, value).is_some()
        {
            field.report("is set twice");
        }
    }
}

fn property(field: &Field<'_, '_>) -> Option<String> {
    match field.value()? {
        DeValue::Boolean(boolean) => Some(boolean.to_string()),
        DeValue::Integer(_) => field.integer(i64::MIN..=i64::MAX).map(|number| number.to_string()),
        DeValue::Float(float) => Some(float.as_str().to_owned()),
        _ => field.text("a string, a number or a boolean"),
    }
}

fn plugins(document: &Document<'_>, mut table: Table<'_, '_>, overrides: &Overrides) -> PluginsConfig {
    let dir = path(document, &table.take("dir"), overrides.plugins.as_deref(), "plugins");
    table.finish();
    PluginsConfig { dir }
}

fn topics(mut table: Table<'_, '_>) -> TopicsConfig {
    let create = table.take("create").boolean().unwrap_or(true);
    let partitions = table.take("partitions").integer(1..=10_000).unwrap_or(4);
    let field = table.take("replication");
    let replication = match field.integer(-1..=i16::MAX.into()) {
        Some(0) => {
            field.report("a topic has at least one replica; -1 is the broker's default");
            -1
        }
        other => other.unwrap_or(-1),
    };
    table.finish();
    // Both ranges are far within an i32's.
    TopicsConfig { create, partitions: partitions as i32, replication: replication as i32 }
}

fn admin(document: &Document<'_>, mut table: Table<'_, '_>, overrides: &Overrides) -> AdminConfig {
    let listen_field = table.take("listen").or_option("--listen (or WASMILL_LISTEN)", overrides.listen.as_deref());
    let listen = listen_field
        .read("an address such as \"127.0.0.1:8080\"", names::listen)
        .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
    let advertise = table.take("advertise").read("an address such as \"mill-1:8080\"", names::advertise);
    let mut token_field = table.take("token");
    if !token_field.is_set() {
        token_field = token_field.or_option(TOKEN_VARIABLE, document.variable(TOKEN_VARIABLE).as_deref());
    }
    let token = token_field.read("a string", names::token);
    if names::is_public(listen) && !token_field.is_set() {
        let message = format!(
            "`admin.listen`: {listen} can be reached from other machines, and whoever reaches it can stop plugins: set \
             `token` in [admin] (or {TOKEN_VARIABLE}), or listen on 127.0.0.1"
        );
        document.report_missing(listen_field.place().clone(), message);
    }
    let topics_field = table.take("topics");
    let topics = topics_field.items().or_else(|| topics_field.wrong_type("a list of topics")).unwrap_or_default();
    let topics = topics.iter().filter_map(|item| item.read("a topic", names::topic)).collect();
    table.finish();
    AdminConfig { listen, advertise, token, topics }
}

fn log(mut table: Table<'_, '_>, overrides: &Overrides) -> LogConfig {
    let format = table
        .take("format")
        .or_option("--log-format (or WASMILL_LOG_FORMAT)", overrides.log_format.as_deref())
        .choice(&[("human", LogFormat::Human), ("json", LogFormat::Json)])
        .unwrap_or(LogFormat::Human);
    let level = table
        .take("level")
        .or_option("--log-level (or WASMILL_LOG_LEVEL)", overrides.log_level.as_deref())
        .read("a level such as \"info\"", |text| check_log_filter(text).map(|()| text.to_owned()))
        .unwrap_or_else(|| "info".to_owned());
    table.finish();
    LogConfig { format, level }
}

/// A path in the file, and a default, is relative to the file's folder: a configuration and what belongs to it move
/// together. One on the command line is relative to the working directory, as the shell completes it.
fn path(document: &Document<'_>, field: &Field<'_, '_>, option: Option<&Path>, default: &str) -> PathBuf {
    if let Some(path) = option {
        return path.to_owned();
    }
    let not_empty = |text: &str| if text.is_empty() { Err("the path is empty".into()) } else { Ok(text.to_owned()) };
    document.folder().join(field.read("a path", not_empty).unwrap_or_else(|| default.to_owned()))
}

/// By their names alone: neither has to exist yet.
fn is_inside(path: &Path, folder: &Path) -> bool {
    match (std::path::absolute(path), std::path::absolute(folder)) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        // An empty path, which has been reported.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigErrors;

    fn environment(name: &str) -> Option<String> {
        match name {
            "TOKEN" => Some("secret".to_owned()),
            "PARTITIONS" => Some("12".to_owned()),
            "CREATE" => Some("false".to_owned()),
            _ => None,
        }
    }

    fn parse(text: &str) -> Result<Config, ConfigErrors> {
        Config::parse(Some(Path::new("etc/wasmill.toml")), text, &Overrides::default(), &environment)
    }

    fn errors(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    fn with_brokers() -> Overrides {
        Overrides { brokers: Some("localhost:9092".into()), ..Overrides::default() }
    }

    #[test]
    fn brokers_and_a_plugins_folder_are_a_configuration() {
        let overrides = Overrides { plugins: Some("mill/plugins".into()), ..with_brokers() };
        let config = Config::parse(None, "", &overrides, &environment).unwrap();
        let none = BTreeMap::new();
        let expected = Config {
            application: "wasmill".into(),
            state_dir: "state".into(),
            state_cache: 64 << 20,
            kafka: KafkaConfig {
                brokers: Brokers::Servers("localhost:9092".into()),
                properties: none.clone(),
                consumer: none.clone(),
                producer: none,
                prefetch: 64 << 20,
                unacknowledged: 64 << 20,
            },
            plugins: PluginsConfig { dir: "mill/plugins".into() },
            topics: TopicsConfig { create: true, partitions: 4, replication: -1 },
            admin: AdminConfig {
                listen: "127.0.0.1:8080".parse().unwrap(),
                advertise: None,
                token: None,
                topics: vec![],
            },
            log: LogConfig { format: LogFormat::Human, level: "info".into() },
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn without_brokers_the_three_ways_are_named() {
        let text = Config::parse(None, "", &Overrides::default(), &environment).unwrap_err().to_string();
        for way in ["--brokers HOST:PORT", "WASMILL_BROKERS", "wasmill.toml", "--embedded"] {
            assert!(text.contains(way), "{way} in {text}");
        }
    }

    #[test]
    fn a_file_is_read_whole() {
        let config = parse(
            r#"
            application = "shop"
            state-dir = "/var/lib/wasmill"
            state-cache = "1 GiB"
            [kafka]
            brokers = "a:9092,b:9092"
            prefetch = "256 MiB"
            unacknowledged = "32 MiB"
            [kafka.properties]
            "security.protocol" = "sasl_ssl"
            sasl.mechanism = "PLAIN"
            sasl.password = "${TOKEN}"
            [kafka.consumer]
            "fetch.min.bytes" = 1_000
            "check.crcs" = true
            [kafka.producer]
            "linger.ms" = 2.5
            [plugins]
            dir = "mill"
            [topics]
            create = "${CREATE}"
            partitions = "${PARTITIONS}"
            replication = 3
            [admin]
            listen = "0.0.0.0:80"
            advertise = "mill-1:80"
            token = "${TOKEN}"
            topics = ["clients"]
            [log]
            format = "json"
            level = "wasmill=debug,warn"
            "#,
        )
        .unwrap();
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        let expected = Config {
            application: "shop".into(),
            state_dir: "/var/lib/wasmill".into(),
            state_cache: 1 << 30,
            kafka: KafkaConfig {
                brokers: Brokers::Servers("a:9092,b:9092".into()),
                properties: map(&[
                    ("security.protocol", "sasl_ssl"),
                    ("sasl.mechanism", "PLAIN"),
                    ("sasl.password", "secret"),
                ]),
                consumer: map(&[("fetch.min.bytes", "1000"), ("check.crcs", "true")]),
                producer: map(&[("linger.ms", "2.5")]),
                prefetch: 256 << 20,
                unacknowledged: 32 << 20,
            },
            plugins: PluginsConfig { dir: "etc/mill".into() },
            topics: TopicsConfig { create: false, partitions: 12, replication: 3 },
            admin: AdminConfig {
                listen: "0.0.0.0:80".parse().unwrap(),
                advertise: Some("mill-1:80".into()),
                token: Some("secret".into()),
                topics: vec!["clients".into()],
            },
            log: LogConfig { format: LogFormat::Json, level: "wasmill=debug,warn".into() },
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn options_win_over_the_file() {
        let overrides = Overrides {
            application: Some("other".into()),
            state_dir: Some("there".into()),
            embedded: true,
            listen: Some("localhost:9".into()),
            log_format: Some("json".into()),
            log_level: Some("trace".into()),
            ..with_brokers()
        };
        let text = "application = \"shop\"\n[kafka]\nbrokers = 5\n[log]\nlevel = \"${MISSING}\"";
        let config = Config::parse(Some(Path::new("etc/wasmill.toml")), text, &overrides, &environment).unwrap();
        assert_eq!(config.application, "other");
        assert_eq!(config.state_dir, Path::new("there"));
        assert_eq!(config.kafka.brokers, Brokers::Embedded);
        assert_eq!(config.plugins.dir, Path::new("etc/plugins"));
        assert_eq!(config.admin.listen, SocketAddr::from((Ipv4Addr::LOCALHOST, 9)));
        assert_eq!(config.log, LogConfig { format: LogFormat::Json, level: "trace".into() });
    }

    #[test]
    fn a_wrong_option_is_named() {
        let overrides = Overrides { listen: Some("here".into()), log_level: Some("loud".into()), ..with_brokers() };
        let text = Config::parse(None, "", &overrides, &environment).unwrap_err().to_string();
        assert!(text.contains("--listen (or WASMILL_LISTEN): `admin.listen`: \"here\" is not an address"), "{text}");
        assert!(text.contains("--log-level (or WASMILL_LOG_LEVEL): `log.level`: `loud` is not a level"), "{text}");
    }

    #[test]
    fn an_option_is_not_expanded_again() {
        let overrides = Overrides { application: Some("${TOKEN}".into()), ..with_brokers() };
        let text = Config::parse(None, "", &overrides, &environment).unwrap_err().to_string();
        assert!(text.contains("\"${TOKEN}\" cannot be an application's name"), "{text}");
    }

    #[test]
    fn all_errors_come_at_once_in_the_order_of_the_file() {
        let text = errors(
            "application = \"my shop\"\nstate-dir = 3\n[kafka]\nbrokrs = \"a\"\nbrokers = \"${KAFKA}\"\n\
             [kafka.properties]\n\"group.id\" = \"x\"\nacks = 1\n[topics]\npartitions = 0\nreplication = 0\n\
             create = \"yes\"\n[admin]\nlisten = \"0.0.0.0:80\"\n[log]\nformat = \"jsn\"\n",
        );
        let expected = "the configuration has 11 errors:
  etc/wasmill.toml:1:15: `application`: \"my shop\" cannot be an application's name";
        assert!(text.starts_with(expected), "{text}");
        let places = [
            ":1:15: ",
            ":2:13: `state-dir`: expected a path, found an integer",
            ":4:1: unknown key `kafka.brokrs`; did you mean `brokers`?",
            ":5:11: `kafka.brokers`: the environment variable `KAFKA` is not set",
            ":7:14: `kafka.properties.group.id`: is not yours to set",
            ":8:8: `kafka.properties.acks`: is not yours to set",
            ":10:14: `topics.partitions`: must be between 1 and 10000",
            ":11:15: `topics.replication`: a topic has at least one replica",
            ":12:10: `topics.create`: expected true or false, found a string",
            ":14:10: `admin.listen`: 0.0.0.0:80 can be reached",
            ":16:10: `log.format`: expected one of `human`, `json`, found \"jsn\"; did you mean `json`?",
        ];
        let lines = text.lines().skip(1).collect::<Vec<_>>();
        assert_eq!(lines.len(), places.len(), "{text}");
        for (line, place) in lines.iter().zip(places) {
            assert!(line.contains(place), "{place} in {line}");
        }
    }

    #[test]
    fn a_public_address_needs_a_token() {
        let listen = |listen: &str, environment: &super::super::Environment<'_>| {
            let overrides = Overrides { listen: Some(listen.into()), ..with_brokers() };
            Config::parse(None, "", &overrides, environment)
        };
        let error = listen("0.0.0.0:80", &|_| None).unwrap_err().to_string();
        assert!(error.contains("--listen (or WASMILL_LISTEN): ") && error.contains("WASMILL_TOKEN"), "{error}");
        let token = |name: &str| (name == TOKEN_VARIABLE).then(|| "${secret}".to_owned());
        assert_eq!(listen("0.0.0.0:80", &token).unwrap().admin.token.as_deref(), Some("${secret}"));
        let empty = |name: &str| (name == TOKEN_VARIABLE).then(String::new);
        let error = listen("0.0.0.0:80", &empty).unwrap_err().to_string();
        assert!(error.contains("WASMILL_TOKEN: `admin.token`: the token is empty"), "{error}");
    }

    #[test]
    fn the_state_is_kept_out_of_the_plugins_folder() {
        for (state, plugins) in [("mill/state", "mill"), ("state", "."), ("/mill", "/mill")] {
            let overrides =
                Overrides { state_dir: Some(state.into()), plugins: Some(plugins.into()), ..with_brokers() };
            let error = Config::parse(None, "", &overrides, &environment).unwrap_err().to_string();
            assert!(error.contains("inside the plugins folder"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_not_toml_is_not_accused_of_what_it_may_have_said() {
        let text = errors("[kafka\nbrokers = \"a\"\n");
        assert!(text.contains("not TOML"), "{text}");
        assert!(!text.contains("--brokers"), "{text}");
    }

    #[test]
    fn a_property_is_set_once_however_it_is_quoted() {
        let text = "[kafka]\nbrokers = \"a\"\n[kafka.properties]\n\"linger.ms\" = 1\nlinger.ms = 2\nx = [1]\n";
        let text = errors(text);
        assert!(text.contains("wasmill.toml:5:13: `kafka.properties.linger.ms`: is set twice"), "{text}");
        assert!(
            text.contains("`kafka.properties.x`: expected a string, a number or a boolean, found an array"),
            "{text}"
        );
    }
}
