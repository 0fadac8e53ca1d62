//! The host that a story runs on.

use super::story::Story;
use crate::process::{self, Group};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Modules are compiled meanwhile, and a busy machine takes its time.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// It drains and commits.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// Of one question.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// A running host. Dropping it ends it.
pub struct Host {
    process: Group,
    log: PathBuf,
    /// `host:port` of Kafka.
    pub brokers: String,
    /// `host:port` of its HTTP.
    pub http: String,
}

impl Host {
    /// Starts it in the story's folder, on these brokers or on embedded ones, and waits until it says where things are.
    pub fn start(wasmill: &Path, story: &Story, brokers: Option<&str>) -> Result<Self> {
        let log = story.folder.join("host.log");
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new(wasmill);
        command.args(["run", "--application", &story.application, "--listen", "127.0.0.1:0", "--log-format", "human"]);
        match brokers {
            Some(brokers) => command.args(["--brokers", brokers]),
            None => command.arg("--embedded"),
        };
        command.current_dir(&story.folder).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let process = Group::spawn(&mut command, libc::SIGKILL)?;
        let mut host = Host { process, log, brokers: String::new(), http: String::new() };
        host.wait(|host| {
            let log = fs::read_to_string(&host.log).unwrap_or_default();
            let Some((brokers, http)) = addresses(&log) else { return false };
            (host.brokers, host.http) = (brokers.to_owned(), http.to_owned());
            true
        })?;
        Ok(host)
    }

    /// Waits until all its plugins run.
    pub fn wait_until_ready(&mut self) -> Result<()> {
        self.wait(|host| get(&host.http, "/ready").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")))
    }

    fn wait(&mut self, mut until: impl FnMut(&mut Self) -> bool) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        while !until(self) {
            process::check_interrupted()?;
            let ended = self.process.ended()?;
            if ended.is_some() || Instant::now() >= deadline {
                let how = ended.map_or("does not get ready".to_owned(), |status| format!("ended ({status})"));
                bail!("the host {how}; its log:\n{}", fs::read_to_string(&self.log).unwrap_or_default());
            }
            std::thread::sleep(process::LOOK_EVERY);
        }
        Ok(())
    }

    /// Ends it as an operator would.
    pub fn stop(mut self) -> Result<()> {
        self.process.stop(STOPS_WITHIN);
        match self.process.ended()? {
            Some(status) if status.success() => Ok(()),
            status => bail!("the host did not end well ({status:?}); its log is {}", self.log.display()),
        }
    }
}

/// Kafka's and HTTP's, from the line that a host begins with.
fn addresses(log: &str) -> Option<(&str, &str)> {
    let brokers = word_after(log, "Kafka at ")?;
    let http = word_after(log, "HTTP at http://")?;
    Some((brokers.trim_end_matches(','), http))
}

fn word_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(before)?;
    // A line that is not whole yet could end in the middle of the word.
    let (line, _) = after.split_once('\n')?;
    line.split_whitespace().next()
}

fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_says_where_things_are() {
        let line = "INFO Kafka at 127.0.0.1:9 (embedded: it lasts), plugins from p, HTTP at http://127.0.0.1:8";
        assert_eq!(addresses(&format!("{line}\n")), Some(("127.0.0.1:9", "127.0.0.1:8")));
        assert_eq!(addresses(line), None);
        let line = "INFO Kafka at a:1,b:2, plugins from p, HTTP at http://h:8 application=\"x\"\n";
        assert_eq!(addresses(line), Some(("a:1,b:2", "h:8")));
    }
}
