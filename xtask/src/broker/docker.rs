//! A broker in a container. The `docker` client stays attached, as our child: when it is asked to end, it asks the
//! container to, and `--rm` removes it. So the container goes even if we are killed.

use super::settings::{self, Node};
use super::{Broker, Data, Ours, Running, VERSION, ports};
use crate::process::{self, Group};
use anyhow::{Context, Result};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A client without an engine, or with one that has gone, says so or hangs.
const ENGINE_ANSWERS_WITHIN: Duration = Duration::from_secs(15);

/// As `docker stop` gives it.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// Whether there is an engine: the client alone is of no use.
pub fn answers() -> bool {
    let info = process::output(Command::new("docker").arg("info"), ENGINE_ANSWERS_WITHIN);
    info.is_some_and(|output| output.status.success())
}

/// A new container that is ours alone.
pub fn start(folder: &Path, port: Option<u16>) -> Result<Broker> {
    let image = format!("apache/kafka:{VERSION}");
    pull(&image)?;
    let [free_port, controller_port] = ports::free()?;
    let port = port.unwrap_or(free_port);
    // Its data is in the container; the folder's name is unique, and so serves as the container's.
    let data = Data::create(folder)?;
    let unique = data.path.file_name().context("a folder without a name")?.to_string_lossy();
    let (log, output) = data.log()?;

    let mut docker = Command::new("docker");
    docker.args(["run", "--rm", "--name", &format!("wasmill-{unique}")]);
    docker.args(["--publish", &format!("127.0.0.1:{port}:{port}")]);
    docker.args(["--env", "KAFKA_HEAP_OPTS=-Xmx768m"]);
    let data_there = "/tmp/kafka-data";
    let node = Node { id: 1, nodes: 1, bind: "0.0.0.0", port, controller_port, proxied: None, data: data_there };
    for (name, value) in settings::properties(&node) {
        docker.args(["--env", &format!("{}={value}", settings::variable(name))]);
    }
    docker.arg(&image).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);

    let _progress = crate::progress::Progress::start(format!("starting {image} on port {port}"));
    let process = Group::spawn(&mut docker, libc::SIGTERM)?;
    let node = Running { process, again: None, address: format!("127.0.0.1:{port}") };
    Broker::ours(Ours { node, stays: None, ends_within: ENDS_WITHIN, _data: data, log })
}

fn pull(image: &str) -> Result<()> {
    let inspect = process::output(Command::new("docker").args(["image", "inspect", image]), ENGINE_ANSWERS_WITHIN);
    if inspect.is_some_and(|output| output.status.success()) {
        return Ok(());
    }
    process::run(Command::new("docker").args(["pull", image]))
}
