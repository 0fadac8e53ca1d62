//! A story's folder, and a copy of it to run in.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// What a README calls Kafka and the host; where they are is put in their places.
const BROKERS: &str = "localhost:9092";
const HTTP: &str = "localhost:8080";

/// A block of commands that a README's reader types one after the other.
const STEPS: &str = "```sh";

/// A block of commands that run side by side until somebody stops them.
const LIVE: &str = "```sh live";

/// The names of the stories under a folder.
pub fn all(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().join("wasmill.toml").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Where things are.
pub struct Addresses {
    /// Kafka.
    pub brokers: String,
    /// The host's HTTP.
    pub http: String,
}

impl Addresses {
    /// A command of a README, with the addresses in it replaced.
    pub fn put_into(&self, command: &str) -> String {
        command.replace(BROKERS, &self.brokers).replace(HTTP, &self.http)
    }
}

/// A story that is ready to run.
#[derive(Debug)]
pub struct Story {
    /// Its copy.
    pub folder: PathBuf,
    /// Its application's name, and what its topics begin with.
    pub application: String,
    readme: String,
}

impl Story {
    /// Copies a story with the modules that it needs. What its topics begin with, the application's name, is replaced by
    /// `prefix`.
    pub fn copy(from: &Path, to: &Path, modules: &Path, prefix: Option<&str>) -> Result<Self> {
        if to.exists() {
            fs::remove_dir_all(to).with_context(|| format!("cannot empty {}", to.display()))?;
        }
        let config = read(&from.join("wasmill.toml"))?;
        let own = application(&config).with_context(|| format!("{} names no application", from.display()))?;
        let renamed = |text: &str| match prefix {
            Some(prefix) => rename(text, own, prefix),
            None => text.to_owned(),
        };
        for part in ["", "plugins", "events", "expected"] {
            let (source, copy) = (from.join(part), to.join(part));
            fs::create_dir_all(&copy).with_context(|| format!("cannot create {}", copy.display()))?;
            for file in files(&source)? {
                let name = file.file_name().context("a file without a name")?.to_string_lossy().into_owned();
                // What a run in the story's own folder has left.
                if name.ends_with(".wasm") {
                    continue;
                }
                let copy = copy.join(renamed(&name));
                fs::write(&copy, renamed(&read(&file)?)).with_context(|| format!("cannot write {}", copy.display()))?;
            }
        }
        for config in files(&to.join("plugins"))? {
            let module = config.with_extension("wasm");
            let name = module.file_name().context("a plugin without a name")?;
            fs::copy(modules.join(name), &module)
                .with_context(|| format!("there is no module for {}", config.display()))?;
        }
        let application = prefix.unwrap_or(own).to_owned();
        Ok(Story { folder: to.to_owned(), application, readme: read(&to.join("README.md"))? })
    }

    /// The commands that its README tells to type one after the other.
    pub fn steps(&self) -> Vec<&str> {
        commands(&self.readme, STEPS)
    }

    /// Those that go on side by side.
    pub fn live(&self) -> Vec<&str> {
        commands(&self.readme, LIVE)
    }

    /// Files of what is expected, each named after a topic.
    pub fn expected(&self) -> Result<Vec<PathBuf>> {
        let expected = files(&self.folder.join("expected"))?;
        if expected.is_empty() {
            bail!("{} has no expected results", self.folder.display());
        }
        Ok(expected)
    }
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn application(config: &str) -> Option<&str> {
    let line = config.lines().find_map(|line| line.strip_prefix("application = "))?;
    Some(line.trim().trim_matches('"'))
}

/// Topics begin with the application's name and a dot, wherever they stand; those of dead letters are named by the host.
fn rename(text: &str, own: &str, prefix: &str) -> String {
    let is_of_word = |char: char| char.is_alphanumeric() || char == '-' || char == '_';
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(own) {
        let (before, found) = rest.split_at(at);
        let after = &found[own.len()..];
        let word = &after[..after.find(|char| !is_of_word(char)).unwrap_or(after.len())];
        let is_topic = after.starts_with('.') || (word.starts_with('-') && word.ends_with("-dlq"));
        let begins = !before.ends_with(is_of_word);
        renamed.push_str(before);
        renamed.push_str(if begins && is_topic { prefix } else { own });
        rest = after;
    }
    renamed + rest
}

/// The commands of all blocks with this fence: a line each, or several that end with a backslash. Comments are left out.
fn commands<'a>(readme: &'a str, fence: &str) -> Vec<&'a str> {
    let mut commands = Vec::new();
    let mut rest = readme;
    while let Some((_, block)) = split_at_line(rest, fence) {
        let (block, after) = split_at_line(block, "```").unwrap_or((block, ""));
        rest = after;
        let mut begin = 0;
        while begin < block.len() {
            let mut end = begin;
            loop {
                end += block[end..].find('\n').map_or(block.len() - end, |at| at + 1);
                if end >= block.len() || !block[..end].ends_with("\\\n") {
                    break;
                }
            }
            let command = block[begin..end].trim();
            if !command.is_empty() && !command.starts_with('#') {
                commands.push(command);
            }
            begin = end;
        }
    }
    commands
}

/// What is before and after the first line that is exactly so.
fn split_at_line<'a>(text: &'a str, line: &str) -> Option<(&'a str, &'a str)> {
    let mut at = 0;
    for found in text.split_inclusive('\n') {
        if found.trim_end() == line {
            return Some((&text[..at], &text[at + found.len()..]));
        }
        at += found.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_those_of_their_blocks() {
        let readme = "a\n```sh\n# why\none a\ntwo \\\n  b\n\n```\n```sh live\nlive\n```\ntext\n```sh\nthree\n```\n";
        assert_eq!(commands(readme, STEPS), ["one a", "two \\\n  b", "three"]);
        assert_eq!(commands(readme, LIVE), ["live"]);
    }

    #[test]
    fn topics_are_renamed_and_nothing_else() {
        let text = "\"pos.a\" pos.b depos.c a-pos.d pos pos-dlq pos-retail-dlq pos-x pos.pos.a";
        let renamed = "\"x-1.a\" x-1.b depos.c a-pos.d pos x-1-dlq x-1-retail-dlq pos-x x-1.x-1.a";
        assert_eq!(rename(text, "pos", "x-1"), renamed);
    }

    #[test]
    fn addresses_are_put_into_commands() {
        let addresses = Addresses { brokers: "b:1".into(), http: "h:2".into() };
        assert_eq!(addresses.put_into("curl localhost:8080/x localhost:9092"), "curl h:2/x b:1");
    }

    #[test]
    fn every_story_of_ours_has_commands_results_and_plugins() {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
        let names = all(&examples).unwrap();
        assert_eq!(names, ["billing", "ecommerce-orders", "orders-platform", "payments-revenue", "retail-pos"]);
        for name in names {
            let folder = examples.join(&name);
            let readme = read(&folder.join("README.md")).unwrap();
            assert!(!commands(&readme, STEPS).is_empty() && !commands(&readme, LIVE).is_empty(), "{name}");
            assert!(readme.contains(&format!("cargo xtask example {name}\n")), "{name}");
            for part in ["plugins", "events", "expected"] {
                assert!(!files(&folder.join(part)).unwrap().is_empty(), "{name}/{part}");
            }
        }
    }
}
