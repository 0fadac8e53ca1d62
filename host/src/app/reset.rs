//! A plugin begins anew: its offsets, its stores and its changelog are forgotten.

use super::state_dir::StateDir;
use crate::config::{Config, PluginConfig, Start};
use crate::kafka::client::ClientSettings;
use crate::kafka::groups::Group;
use crate::kafka::topics::Topics;
use crate::plugin::{Engine, Loader};
use crate::state::Stores;
use anyhow::{Context, Result, bail};
use std::fmt;

/// What would be forgotten, and is when it is [`done`](Reset::run).
pub struct Reset {
    config: Config,
    kafka: ClientSettings,
    plugin: String,
    to: Option<Start>,
    /// What feeds its inputs; only looked up where the beginning is set.
    inputs: Vec<String>,
    has_changelog: bool,
    _state_dir: StateDir,
}

impl Reset {
    /// Looks at what there is, and changes nothing. `to`: where the plugin begins afterwards; None: where its `start` says.
    ///
    /// # Errors
    /// A host is at work for the plugin, or Kafka can't be asked.
    pub fn plan(config: Config, plugin: &str, to: Option<Start>) -> Result<Self> {
        let state_dir =
            StateDir::open(&config.state_dir).context("stop the host first: what it has open can't be forgotten")?;
        let kafka = ClientSettings::new(&config.kafka)?;
        if !kafka.has_transactions() {
            bail!("the embedded broker forgets everything by itself when its process ends");
        }
        let inputs = if to.is_some() { inputs(&config, plugin)? } else { Vec::new() };
        let mut reset =
            Reset { config, kafka, plugin: plugin.to_owned(), to, inputs, has_changelog: false, _state_dir: state_dir };
        let members = reset.group().members()?;
        if members > 0 {
            bail!(
                "{} members of the group {} are at work: stop every host of the application first",
                members,
                reset.name()
            );
        }
        let changelog = reset.changelog();
        reset.has_changelog = !Topics::new(reset.kafka.clone()).describe(&[&changelog])?.is_empty();
        Ok(reset)
    }

    fn name(&self) -> String {
        self.config.group(&self.plugin)
    }

    fn changelog(&self) -> String {
        self.config.changelog_topic(&self.plugin)
    }

    fn group(&self) -> Group {
        Group::new(self.kafka.clone(), &self.name())
    }

    /// Does it. Begun and broken off, it can be done again.
    pub fn run(&self) -> Result<()> {
        let again = "it is half done: run the command again before the plugin";
        self.group().forget().context(again)?;
        if self.has_changelog {
            Topics::new(self.kafka.clone()).delete(&self.changelog()).context(again)?;
        }
        Stores::open(&self.config.state_dir.join("stores"), 0)?.forget(&self.plugin).context(again)?;
        if let Some(start) = self.to {
            self.group().begin_at(&self.inputs, start).context(again)?;
        }
        Ok(())
    }
}

/// What a person reads before saying yes.
impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "To begin anew, {} forgets", self.plugin)?;
        writeln!(f, "  the offsets of the consumer group {}", self.name())?;
        writeln!(f, "  its stores in {}", self.config.state_dir.join("stores").display())?;
        if self.has_changelog {
            writeln!(f, "  the topic {} with everything in it", self.changelog())?;
        }
        match self.to {
            None => writeln!(f, "and begins where its `start` says. Topics of events are not touched."),
            Some(start) => {
                let start = match start {
                    Start::Earliest => "the earliest event".to_owned(),
                    Start::Latest => "the next event".to_owned(),
                    Start::Timestamp(at) => format!("the first event from {at} ms after 1970 on"),
                };
                writeln!(f, "and begins at {start} of {}. Topics of events are not touched.", self.inputs.join(", "))
            }
        }
    }
}

/// The topics that a plugin's module is connected to.
fn inputs(config: &Config, plugin: &str) -> Result<Vec<String>> {
    let file = config.plugins.dir.join(format!("{plugin}.wasm"));
    let settings = PluginConfig::load(&config.plugins.dir.join(format!("{plugin}.toml")))?;
    let module = Loader::new(Engine::new()?, None)
        .load(plugin, &file, &settings)
        .with_context(|| format!("{} says what its inputs are, and it can't be loaded", file.display()))?;
    let inputs = module.resolved.inputs.iter().flat_map(|(_, topics)| topics.clone());
    Ok(inputs.filter(|topic| topic != "$signals").collect())
}
