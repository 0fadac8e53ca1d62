//! A real Apache Kafka for tests and benchmarks: one that is there already, or one of our own that ends with us.

mod docker;
pub mod java;
mod ports;
mod ready;
mod settings;

use crate::process::{self, Group};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Names the broker to use, as `host:port`. Must be reachable without TLS or a password, and give topics to whoever asks.
pub const GIVEN: &str = "WASMILL_TEST_BROKERS";

/// Of Apache Kafka, in both ways of getting it; `pom.xml` says it once more.
const VERSION: &str = "4.3.1";

/// Five seconds on an idle machine; a busy one may need many times that.
const STARTS_WITHIN: Duration = Duration::from_secs(120);

/// A clean end takes it a second or two, and on a busy machine many times that.
const STOPS_WITHIN: Duration = Duration::from_secs(60);

/// Where the broker comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// Somebody else runs it.
    Given(String),
    /// A container.
    Docker,
    /// A Java process.
    Java(java::Tools),
}

impl Choice {
    /// The first that this machine has. Never none: tests that need a broker must not be skipped in silence.
    pub fn find() -> Result<Self> {
        match std::env::var(GIVEN) {
            Ok(brokers) if !brokers.trim().is_empty() => Ok(Choice::Given(brokers.trim().to_owned())),
            _ => Self::of_our_own(),
        }
    }

    /// The same, among those that we start ourselves.
    pub fn of_our_own() -> Result<Self> {
        if docker::answers() {
            return Ok(Choice::Docker);
        }
        match java::Tools::find() {
            Ok(tools) => Ok(Choice::Java(tools)),
            Err(missing) => bail!(
                "there is no Apache Kafka to test with. Do one of these:\n  \
                 - set {GIVEN}=host:port to a broker that tests may create topics on\n  \
                 - start Docker (no engine answers `docker info`)\n  \
                 - install Java {} or newer and Maven ({missing:#})",
                java::OLDEST
            ),
        }
    }

    /// The same, for a broker that can be killed and started again: a container's data would go with it.
    pub fn that_comes_back() -> Result<Self> {
        let tools = java::Tools::find().with_context(|| {
            format!("a broker that is to come back with its data takes Java {} or newer and Maven", java::OLDEST)
        })?;
        Ok(Choice::Java(tools))
    }

    /// What tests are told in `WASMILL_TEST_BROKER_KIND`.
    pub fn kind(&self) -> &'static str {
        match self {
            Choice::Given(_) => "given",
            Choice::Docker => "docker",
            Choice::Java(_) => "java",
        }
    }

    /// A broker that answers. Call it on the main thread: its process ends with the thread that has started it.
    pub fn start(&self, workspace: &Workspace, port: Option<u16>) -> Result<Broker> {
        let folder = workspace.target.join("kafka");
        match self {
            Choice::Given(brokers) => Broker::given(brokers),
            Choice::Docker => docker::start(&folder, port),
            Choice::Java(tools) => java::start(tools, &folder, port, 1, &[]),
        }
    }

    /// The same of so many nodes, with one more listener for each of `proxies`, whose clients come through a proxy at this port of
    /// 127.0.0.1 and by no other way.
    pub fn start_nodes(
        &self,
        workspace: &Workspace,
        port: Option<u16>,
        nodes: usize,
        proxies: &[u16],
    ) -> Result<Broker> {
        match self {
            Choice::Java(tools) => java::start(tools, &workspace.target.join("kafka"), port, nodes, proxies),
            _ => bail!("only brokers that run as Java processes make a cluster, or are put behind a proxy"),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Choice::Given(brokers) => write!(f, "broker: {brokers}, as {GIVEN} says"),
            Choice::Docker => write!(f, "broker: Apache Kafka {VERSION} in a Docker container ({GIVEN} is not set)"),
            Choice::Java(tools) => write!(
                f,
                "broker: Apache Kafka {VERSION} from Maven Central, on Java {} ({GIVEN} is not set, and no Docker engine answers)",
                tools.version
            ),
        }
    }
}

/// A running broker. Dropping it stops it, if it is ours, and removes its data.
pub struct Broker {
    /// `host:port`, and a comma between those of several nodes.
    pub address: String,
    /// Where its nodes take what a proxy passes on, if they are behind one; likewise.
    pub behind_proxy: Option<String>,
    ours: Option<Ours>,
}

/// A broker that we have started. Fields are dropped in order: processes must be gone before their data.
struct Ours {
    /// The one that goes and comes back.
    node: Running,
    /// The other one of a cluster of two.
    stays: Option<Running>,
    /// How long it may take to end by itself. Zero: its data is thrown away, so it may as well be killed.
    ends_within: Duration,
    _data: Data,
    log: PathBuf,
}

struct Running {
    process: Group,
    /// What starts it again on the same data, if that outlives the process.
    again: Option<Command>,
    /// `host:port`.
    address: String,
}

impl Broker {
    fn given(brokers: &str) -> Result<Self> {
        let first = brokers.split(',').next().unwrap_or(brokers);
        ready::ask(first, 1).with_context(|| format!("{GIVEN} is {brokers}, but no broker answers there"))?;
        Ok(Broker { address: brokers.to_owned(), behind_proxy: None, ours: None })
    }

    fn ours(mut ours: Ours) -> Result<Self> {
        ours.wait_until_ready()?;
        let stays = ours.stays.iter().map(|stays| stays.address.as_str());
        let address = stays.chain([ours.node.address.as_str()]).collect::<Vec<_>>().join(",");
        Ok(Broker { address, behind_proxy: None, ours: Some(ours) })
    }

    /// Ends it as a crash would; of a cluster the last node. Nothing happens to one that is not ours.
    pub fn kill(&mut self) {
        if let Some(ours) = &mut self.ours {
            ours.node.process.kill();
        }
    }

    /// Asks it to end, and waits for that; of a cluster the last node. Nothing happens to one that is not ours.
    pub fn stop(&mut self) {
        if let Some(ours) = &mut self.ours {
            ours.node.process.stop(STOPS_WITHIN);
            ours.node.process.kill();
        }
    }

    /// Sends it a signal, such as SIGSTOP; of a cluster the last node. Nothing happens to one that is not ours.
    pub fn signal(&self, signal: i32) {
        if let Some(ours) = &self.ours {
            ours.node.process.signal(signal);
        }
    }

    /// Starts it again after [`Broker::kill`] or [`Broker::stop`], with the data that it had.
    pub fn start_again(&mut self) -> Result<()> {
        let ours = self.ours.as_mut().context("it is not our own broker")?;
        let again = ours.node.again.as_mut().context("this kind of broker loses its data when it ends")?;
        ours.node.process = Group::spawn(again, libc::SIGKILL)?;
        ours.wait_until_ready()
    }

    /// Where it logs, if it is ours.
    pub fn log(&self) -> Option<&PathBuf> {
        self.ours.as_ref().map(|ours| &ours.log)
    }

    /// Waits until we are interrupted; fails also if the broker ends by itself, of a cluster the last node.
    pub fn wait(&mut self) -> Result<()> {
        let Some(ours) = &mut self.ours else { return Ok(()) };
        let status = ours.node.process.wait()?;
        bail!("the broker ended ({status}); the end of its log, {}:\n{}", ours.log.display(), ours.end_of_log())
    }
}

impl Ours {
    /// All nodes know of all.
    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + STARTS_WITHIN;
        let nodes = 1 + usize::from(self.stays.is_some());
        loop {
            process::check_interrupted()?;
            let ready = self.stays.iter().chain([&self.node]).try_for_each(|node| ready::ask(&node.address, nodes));
            let Err(why) = ready else { return Ok(()) };
            let ended = self.node.process.ended()?;
            if ended.is_some() || Instant::now() >= deadline {
                let how =
                    ended.map_or(format!("did not answer in time ({why:#})"), |status| format!("ended ({status})"));
                bail!("the broker {how}; the end of its log, {}:\n{}", self.log.display(), self.end_of_log());
            }
            std::thread::sleep(process::LOOK_EVERY);
        }
    }

    fn end_of_log(&self) -> String {
        const LINES: usize = 15;
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        if !self.ends_within.is_zero() {
            self.node.process.stop(self.ends_within);
        }
    }
}

/// A folder that is removed with its broker. The log beside it, of the same name, stays until the next broker is started.
struct Data {
    path: PathBuf,
}

impl Data {
    /// A new one under `folder`. What earlier processes have left is removed on this occasion.
    fn create(folder: &std::path::Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.file_name().and_then(|name| name.to_str()).and_then(owner).is_some_and(|owner| !lives(owner)) {
                // Another task may be removing it as well.
                let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            }
        }
        let path = folder.join(format!("{DATA}{}-{:08x}", std::process::id(), ports::random() as u32));
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Data { path })
    }

    fn log(&self) -> Result<(PathBuf, File)> {
        let log = self.path.with_extension("log");
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        Ok((log, file))
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                eprintln!("cannot remove {}: {error}", self.path.display());
            }
            // A folder that was filled for something lasting has got another name meanwhile.
            _ => (),
        }
    }
}

const DATA: &str = "data-";

/// The process that a data folder belongs to.
fn owner(folder: &str) -> Option<u32> {
    folder.strip_prefix(DATA)?.split('-').next()?.parse().ok()
}

fn lives(process: u32) -> bool {
    // Where there is no /proc we can't tell, and leave the folder alone.
    !std::path::Path::new("/proc/self").exists() || std::path::Path::new("/proc").join(process.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_has_left_is_removed_and_of_a_living_one_kept() {
        let folder = std::env::temp_dir().join(format!("xtask-data-{}", std::process::id()));
        // Beyond the highest process id that Linux gives.
        let abandoned = folder.join("data-4194999-0badcafe");
        fs::create_dir_all(&abandoned).unwrap();
        fs::write(abandoned.with_extension("log"), "").unwrap();
        fs::create_dir_all(folder.join("lib")).unwrap();

        let first = Data::create(&folder).unwrap();
        let second = Data::create(&folder).unwrap();

        assert!(!abandoned.exists() && !abandoned.with_extension("log").exists());
        assert!(first.path.exists() && second.path.exists() && folder.join("lib").exists());
        drop((first, second));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_pom_and_the_version_agree() {
        assert_eq!(java::POM.matches(&format!("<version>{VERSION}</version>")).count(), 2);
    }

    #[test]
    fn a_given_broker_that_does_not_answer_is_an_error() {
        let error = Broker::given("127.0.0.1:1").err().unwrap();

        assert_eq!(error.to_string(), "WASMILL_TEST_BROKERS is 127.0.0.1:1, but no broker answers there");
    }
}
