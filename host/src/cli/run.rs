//! `wasmill run`.

use crate::config::{Config, Overrides};
use crate::{app, logging};
use clap::ValueHint;
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  Every module in ./plugins, on the Kafka of this machine:
      wasmill run --brokers localhost:9092

  As wasmill.toml in this folder says, or another file:
      wasmill run
      wasmill run --config /etc/wasmill/wasmill.toml

  Without a Kafka of your own; the address of the embedded broker is printed, so that any Kafka client can talk to it:
      wasmill run --embedded --plugins target/plugins

  In a container:
      export WASMILL_BROKERS=kafka:9092 WASMILL_TOKEN=secret
      wasmill run --listen 0.0.0.0:8080 --log-format json

What wins: an option, then its environment variable, then the file, then the default. docs/configuration.md has every key.
SIGTERM or Ctrl-C drains, commits, leaves the consumer groups and exits with 0.";

/// Run the modules of a folder against Kafka.
///
/// Watches a folder of WebAssembly components. Each NAME.wasm becomes the plugin NAME: it consumes its input topics and
/// writes what it returns to its sink topics. A dropped, changed or removed file takes effect at once, without a restart and
/// without a lost event; NAME.toml beside it configures it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct RunArgs {
    /// The configuration to read instead of wasmill.toml in the working directory
    #[arg(long, value_name = "FILE", env = "WASMILL_CONFIG", value_hint = ValueHint::FilePath)]
    pub(super) config: Option<PathBuf>,

    /// Where Kafka is; several addresses with commas between
    #[arg(long, value_name = "HOST:PORT", env = "WASMILL_BROKERS", value_hint = ValueHint::Hostname)]
    brokers: Option<String>,

    /// Use a broker inside this process instead, which lasts as long as it does; wins over --brokers
    #[arg(long)]
    embedded: bool,

    /// The folder of modules [default: plugins]
    #[arg(long, value_name = "DIR", env = "WASMILL_PLUGINS", value_hint = ValueHint::DirPath)]
    plugins: Option<PathBuf>,

    /// Prefix of consumer groups and internal topics: hosts with the same one share the work [default: wasmill]
    #[arg(long, value_name = "NAME", env = "WASMILL_APPLICATION")]
    application: Option<String>,

    /// What is kept between runs: the host's id, compiled modules, rollbacks [default: state]
    #[arg(long, value_name = "DIR", env = "WASMILL_STATE_DIR", value_hint = ValueHint::DirPath)]
    state_dir: Option<PathBuf>,

    /// Where HTTP listens; an address that others can reach needs a token, in the file or in WASMILL_TOKEN
    /// [default: 127.0.0.1:8080]
    #[arg(long, value_name = "IP:PORT", env = "WASMILL_LISTEN")]
    listen: Option<String>,

    /// How log lines look [default: human]
    #[arg(long, value_name = "FORMAT", env = "WASMILL_LOG_FORMAT", value_parser = ["human", "json"])]
    log_format: Option<String>,

    /// What is logged: a level, or levels by target such as "plugin=debug,info"; RUST_LOG wins [default: info]
    #[arg(long, value_name = "FILTER", env = "WASMILL_LOG_LEVEL")]
    log_level: Option<String>,
}

/// Reads the configuration and runs the host until it is told to stop.
pub(super) fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(args.config.as_deref(), &args.overrides())?;
    logging::init(&config.log)?;
    app::run(config)?;
    Ok(ExitCode::SUCCESS)
}

impl RunArgs {
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            application: self.application.clone(),
            state_dir: self.state_dir.clone(),
            brokers: self.brokers.clone(),
            embedded: self.embedded,
            plugins: self.plugins.clone(),
            listen: self.listen.clone(),
            log_format: self.log_format.clone(),
            log_level: self.log_level.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    #[test]
    fn every_option_is_documented_with_its_variable() {
        let docs = include_str!("../../../docs/configuration.md");
        for argument in RunArgs::augment_args(clap::Command::new("run")).get_arguments() {
            let variable = argument.get_env().map(|name| format!("{} ", name.display())).unwrap_or_default();
            let row = format!("\n| --{} | {variable}|", argument.get_long().unwrap());
            assert!(docs.contains(&row), "docs/configuration.md lacks {row}");
        }
    }

    #[test]
    fn each_option_reaches_its_key() {
        let line = "run --brokers a:9092 --plugins p --embedded --listen 127.0.0.1:1 --state-dir s --application x \
                    --log-format json --log-level debug --config c.toml";
        let matches = RunArgs::augment_args(clap::Command::new("run")).get_matches_from(line.split_whitespace());
        let args = RunArgs::from_arg_matches(&matches).unwrap();
        assert_eq!(args.config, Some("c.toml".into()));
        let expected = Overrides {
            application: Some("x".into()),
            state_dir: Some("s".into()),
            brokers: Some("a:9092".into()),
            embedded: true,
            plugins: Some("p".into()),
            listen: Some("127.0.0.1:1".into()),
            log_format: Some("json".into()),
            log_level: Some("debug".into()),
        };
        assert_eq!(args.overrides(), expected);
    }
}
