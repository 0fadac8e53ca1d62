//! `benches/streams`, the benchmarks' jobs in Kafka Streams: compiled by Maven, which gets what they need from Maven Central.

use crate::broker::java::{OLDEST, Tools};
use crate::process;
use crate::progress::Progress;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::process::{Command, Stdio};

/// It is not built yet.
pub struct Streams {
    tools: Tools,
}

impl Streams {
    /// Fails if this machine has not what it takes.
    pub fn find() -> Result<Self> {
        let tools = Tools::find().with_context(|| {
            format!("a comparison with Kafka Streams takes Java {OLDEST} or newer and Maven; name other benchmarks to do without")
        })?;
        Ok(Streams { tools })
    }

    /// Builds it, and answers the variables that tell the benchmark how to start it.
    pub fn build(&self, workspace: &Workspace) -> Result<Vec<(&'static str, OsString)>> {
        let out = workspace.target.join("streams");
        let mut maven = Command::new("mvn");
        maven.args(["--batch-mode", "--quiet"]).arg(format!("-Dout={}", out.display()));
        maven.args(["compile", "dependency:copy-dependencies"]);
        maven.current_dir(workspace.root.join("benches/streams")).stdin(Stdio::null());
        {
            let _progress = Progress::start("building benches/streams with Maven");
            process::run(&mut maven)?;
        }
        let mut classes = out.join("classes").into_os_string();
        classes.push(":");
        classes.push(out.join("lib/*"));
        Ok(vec![("WASMILL_BENCH_STREAMS", classes), ("WASMILL_BENCH_JAVA", self.tools.java.clone().into_os_string())])
    }
}
