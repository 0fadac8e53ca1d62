//! A broker as a Java process, with its jars from Maven Central.

use super::settings::{self, Node, Proxied};
use super::{Broker, Data, Ours, Running, VERSION, ports};
use crate::process::{self, Group};
use crate::progress::Progress;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The oldest Java that the broker runs on.
pub const OLDEST: u32 = 17;

/// What the broker is made of.
pub const POM: &str = include_str!("pom.xml");

/// One that Java 17 and 25 both like; Maven's own choice depends on its age.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// A cluster's id is 16 bytes in base64; as each cluster lives alone and briefly, all may have the same.
const CLUSTER: &str = "wasmill-test-clusterAA";

/// More than any test needs, and little enough for a small machine.
const HEAP: &str = "-Xmx768m";

/// A Java program starts in a second; a busy machine may need many.
const TOOL_ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// The programs that it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Tools {
    /// Where Java is.
    pub java: PathBuf,
    /// Of Java.
    pub version: u32,
}

impl Tools {
    /// Those of this machine; an error that says what is missing.
    pub fn find() -> Result<Self> {
        let java = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
        let java = java.filter(|java| java.exists()).unwrap_or_else(|| "java".into());
        let output =
            process::output(Command::new(&java).arg("-version"), TOOL_ANSWERS_WITHIN).context("there is no Java")?;
        let said = String::from_utf8_lossy(&output.stderr);
        let version =
            version(&said).with_context(|| format!("`java -version` says no version but: {}", said.trim()))?;
        if version < OLDEST {
            bail!("the Java here is {version}");
        }
        let maven = process::output(Command::new("mvn").arg("--version"), TOOL_ANSWERS_WITHIN);
        if !maven.is_some_and(|output| output.status.success()) {
            bail!("there is no Maven, or it doesn't run");
        }
        Ok(Tools { java, version })
    }
}

/// A new broker that is ours alone: one node, or two with every topic on both. `proxies` is where clients of each are sent
/// that come by its second listener.
pub fn start(tools: &Tools, folder: &Path, port: Option<u16>, nodes: usize, proxies: &[u16]) -> Result<Broker> {
    if !(1..=2).contains(&nodes) || !(proxies.is_empty() || proxies.len() == nodes) {
        bail!("a broker has one node or two, and a proxy for each of them or none");
    }
    let jars = jars(folder)?.join("*");
    let [controller_port, first, second, behind_first, behind_second] = ports::free()?;
    let behind = [behind_first, behind_second];
    let data = Data::create(folder)?;
    let (log, output) = data.log()?;
    let _progress = Progress::start(format!("starting Apache Kafka {VERSION} on port {}", port.unwrap_or(first)));

    let java = |heap: &str, class: &str| -> Result<Command> {
        let mut java = Command::new(&tools.java);
        java.arg(heap).arg("-cp").arg(&jars).arg(class);
        java.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
        Ok(java)
    };
    let mut running = Vec::with_capacity(nodes);
    for (index, free_port) in [first, second].into_iter().enumerate().take(nodes) {
        let id = index + 1;
        let port = port.filter(|_| id == 1).unwrap_or(free_port);
        let logs = data.path.join(format!("log-{id}"));
        let logs = logs.to_str().with_context(|| format!("{} must be UTF-8", logs.display()))?;
        let proxied = proxies.get(index).map(|proxy| Proxied { port: behind[index], proxy: *proxy });
        let node = Node { id, nodes, bind: "127.0.0.1", port, controller_port, proxied, data: logs };
        let properties = data.path.join(format!("server-{id}.properties"));
        fs::write(&properties, settings::file(&settings::properties(&node)))
            .with_context(|| format!("cannot write {}", properties.display()))?;

        let mut format = java("-Xmx128m", "kafka.tools.StorageTool")?;
        format.args(["format", if id == 1 { "--standalone" } else { "--no-initial-controllers" }]);
        format.args(["--cluster-id", CLUSTER, "--config"]).arg(&properties);
        process::run(&mut format).with_context(|| format!("cannot set up the broker's data; see {}", log.display()))?;

        let mut broker = java(HEAP, "kafka.Kafka")?;
        let process = Group::spawn(broker.arg(&properties), libc::SIGKILL)?;
        running.push(Running { process, again: Some(broker), address: format!("127.0.0.1:{port}") });
    }
    let node = running.pop().context("no node was asked for")?;
    let ours = Ours { node, stays: running.pop(), ends_within: Duration::ZERO, _data: data, log };
    let behind: Vec<String> = behind.iter().take(proxies.len()).map(|port| format!("127.0.0.1:{port}")).collect();
    let behind_proxy = (!behind.is_empty()).then(|| behind.join(","));
    Ok(Broker { behind_proxy, ..Broker::ours(ours)? })
}

/// The folder of the broker's jars, filled on the first call. It gets its name when it is complete, and holds the pom
/// that it was made from: another pom makes another folder.
fn jars(folder: &Path) -> Result<PathBuf> {
    let lib = folder.join("lib");
    if fs::read_to_string(lib.join("pom.xml")).is_ok_and(|pom| pom == POM) {
        return Ok(lib);
    }
    let half = Data::create(folder)?;
    let pom = half.path.join("pom.xml");
    fs::write(&pom, POM).with_context(|| format!("cannot write {}", pom.display()))?;
    let (log, output) = half.log()?;
    let mut maven = Command::new("mvn");
    maven.args(["--batch-mode", "--file"]).arg(&pom).args([COPY, "-DincludeScope=runtime"]);
    maven.arg(format!("-DoutputDirectory={}", half.path.display()));
    maven.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    {
        let _progress = Progress::start(format!("getting Apache Kafka {VERSION} from Maven Central (54 MB)"));
        process::run(&mut maven).with_context(|| format!("Maven could not get the broker; see {}", log.display()))?;
    }
    if lib.exists() {
        fs::remove_dir_all(&lib).with_context(|| format!("cannot remove {}", lib.display()))?;
    }
    fs::rename(&half.path, &lib).with_context(|| format!("cannot create {}", lib.display()))?;
    Ok(lib)
}

/// The major version in what `java -version` says: `17` of `openjdk version "17.0.15"`, `8` of `"1.8.0_392"`.
fn version(said: &str) -> Option<u32> {
    let quoted = said.split('"').nth(1)?;
    let mut numbers = quoted.split(|character: char| !character.is_ascii_digit());
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javas_version_is_found_in_what_it_says() {
        assert_eq!(version("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime"), Some(17));
        assert_eq!(version("java version \"1.8.0_392\""), Some(8));
        assert_eq!(version("openjdk version \"25-ea\" 2025-09-16"), Some(25));
        assert_eq!(version("No Java runtime present, requesting install."), None);
    }
}
