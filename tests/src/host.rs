//! The real host, as a process.

use crate::http::{self, Response};
use crate::setup::Setup;
use crate::wait::{LONG, wait, wait_until};
use crate::{told, unique};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use tempfile::TempDir;

/// Lines of the host's log that a failing test prints.
const LINES_OF_LOG: usize = 200;

/// A host in a folder of its own. Dropping it kills it; if the test has failed, its log is printed.
pub struct Host {
    folder: TempDir,
    application: String,
    admin: SocketAddr,
    process: Option<Child>,
}

impl Host {
    pub(crate) fn new(setup: Setup) -> Self {
        let folder = TempDir::with_prefix("wasmill-").expect("a folder");
        let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        fs::write(folder.path().join("wasmill.toml"), setup.toml(admin)).expect("wasmill.toml");
        fs::create_dir(folder.path().join("plugins")).expect("a plugins folder");
        let host = Host { folder, application: setup.application, admin, process: None };
        for (name, content) in &setup.files {
            host.drop_file(name, content);
        }
        host
    }

    /// Starts it, for the first time or again, in the same folder and with the same state. Does not wait for anything.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// The same, until it comes to a failpoint for the n-th time: there it is killed. `wasmill::failpoint` has their names.
    pub fn start_until(&mut self, failpoint: &str, times: u64) {
        self.start_with(&[("WASMILL_FAILPOINT", &format!("{failpoint}:{times}"))]);
    }

    /// The same, until it comes to a failpoint for the n-th time: there something fails, once, and it goes on.
    pub fn start_failing(&mut self, failpoint: &str, times: u64) {
        self.start_until(failpoint, times);
    }

    fn start_with(&mut self, variables: &[(&str, &str)]) {
        assert!(self.process.is_none(), "the host runs already");
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).expect("a log");
        let mut command = wasmill();
        command.arg("run").current_dir(self.folder.path()).envs(variables.iter().copied());
        command.stdout(log.try_clone().expect("a log")).stderr(log);
        self.process = Some(command.spawn().expect("WASMILL_BIN can be started"));
    }

    /// Waits until `/ready` says so. Panics if the host ends instead.
    pub fn wait_until_ready(&mut self) {
        self.wait_for_answer("/ready");
    }

    /// Waits until it answers HTTP. Panics if the host ends instead.
    pub fn wait_until_it_answers(&mut self) {
        self.wait_for_answer("/ping");
    }

    fn wait_for_answer(&mut self, path: &str) {
        wait_until(&format!("the host to say 200 to {path}"), LONG, || {
            let process = self.process.as_mut().expect("a running host");
            if let Some(status) = process.try_wait().expect("a child's status") {
                panic!("the host ended before it said 200 to {path}: {status}");
            }
            http::get(self.admin, path, &[]).is_ok_and(|response| response.status == 200)
        });
    }

    /// As in its configuration.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The host's folder: `wasmill.toml`, `plugins/`, `state/`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Of its process. Panics if it is not running.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("a running host").id()
    }

    /// Where it serves HTTP.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// `GET`. Panics if there is no answer.
    pub fn get(&self, path: &str) -> Response {
        http::get(self.admin, path, &[]).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// `POST` without a body. Panics if there is no answer.
    pub fn post(&self, path: &str) -> Response {
        http::post(self.admin, path, &[], "").unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// What `GET /plugins` says of a plugin; None: there is none of this name.
    pub fn plugin(&self, name: &str) -> Option<Value> {
        let mut all = self.get("/plugins").json();
        let all = all["plugins"].as_array_mut().expect("a list of plugins");
        all.iter().position(|plugin| plugin["name"] == name).map(|at| all.swap_remove(at))
    }

    /// Waits until the plugin is there and `is` so, and gives what is said of it then.
    pub fn wait_for_plugin(&self, name: &str, what: &str, mut is: impl FnMut(&Value) -> bool) -> Value {
        let mut last = None;
        wait(&format!("plugin {name} {what}"), LONG, || {
            let now = self.plugin(name);
            if now != last {
                println!("plugin {name}: {}", now.as_ref().unwrap_or(&Value::Null));
                last.clone_from(&now);
            }
            now.filter(&mut is)
        })
    }

    /// Waits until the plugin runs and has all of these tasks (partition numbers) on this host.
    pub fn wait_for_tasks(&self, name: &str, tasks: usize) {
        self.wait_for_plugin(name, &format!("to have {tasks} tasks"), |plugin| {
            let workers = plugin["workers"].as_array().expect("a list of workers");
            let has: usize = workers.iter().map(|worker| worker["tasks"].as_array().map_or(0, Vec::len)).sum();
            has == tasks
        });
    }

    /// A sample of `/metrics`, such as `wasmill_events_total{plugin="fraud"}`; None: there is no such line.
    pub fn metric(&self, sample: &str) -> Option<f64> {
        let metrics = self.get("/metrics").body;
        let value = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
        Some(value.parse().unwrap_or_else(|error| panic!("{sample} {value}: {error}")))
    }

    /// Waits until the log has a line with all of these words, and gives it.
    pub fn wait_for_line(&self, words: &[&str]) -> String {
        wait(&format!("a line of the log with {words:?}"), LONG, || {
            self.log().lines().find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned)
        })
    }

    /// Drops the compiled plugin or fixture `module` as plugin `name`, in one step; replaces what is there.
    pub fn drop_module(&self, name: &str, module: &str) {
        self.drop_file(&format!("{name}.wasm"), &crate::module_bytes(module));
    }

    /// Puts any file into the plugins folder, in one step.
    pub fn drop_file(&self, name: &str, content: &[u8]) {
        // Written beside the watched folder, so that the watcher sees only the whole file come in.
        let whole = self.folder.path().join(unique("incoming"));
        fs::write(&whole, content).expect("a file");
        fs::rename(&whole, self.in_plugins(name)).expect("a file in the plugins folder");
    }

    /// Removes a file from the plugins folder.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.in_plugins(name)).expect("a file in the plugins folder");
    }

    /// Asks it to end (SIGTERM), and waits for that.
    pub fn sigterm(&mut self) -> ExitStatus {
        self.signal(libc::SIGTERM);
        self.wait_for_end()
    }

    /// Ends it without asking (SIGKILL).
    pub fn kill9(&mut self) {
        self.signal(libc::SIGKILL);
        self.wait_for_end();
    }

    /// Sends any signal, such as SIGSTOP.
    #[allow(unsafe_code)]
    pub fn signal(&self, signal: i32) {
        let process = self.process.as_ref().expect("a running host").id();
        // SAFETY: no memory is involved, and the child has not been waited for: its id is still its own.
        let sent = unsafe { libc::kill(i32::try_from(process).expect("a process id"), signal) };
        assert_eq!(sent, 0, "signal {signal}: {}", io::Error::last_os_error());
    }

    /// Whether it was started, and not ended since.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Waits until it has ended by itself.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let process = self.process.as_mut().expect("a running host");
        let status = wait("the host to end", LONG, || process.try_wait().expect("a child's status"));
        self.process = None;
        status
    }

    /// What it has logged so far, in all its runs.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("host.log")
    }

    fn in_plugins(&self, name: &str) -> PathBuf {
        self.folder.path().join("plugins").join(name)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Both fail only if it has ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            println!("── the host's log");
            for line in &lines[lines.len().saturating_sub(LINES_OF_LOG)..] {
                println!("{line}");
            }
        }
    }
}

/// The host's binary, in an environment without settings of anybody's.
pub fn wasmill() -> Command {
    let mut command = Command::new(told("WASMILL_BIN"));
    // What the tests are told is not meant for the host, and neither is what a person has set for one of their own.
    for (variable, _) in
        std::env::vars_os().filter(|(variable, _)| variable.as_encoded_bytes().starts_with(b"WASMILL_"))
    {
        command.env_remove(variable);
    }
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// A port that nothing listens on and that no test of this process has been given. Below the range that systems take
/// outgoing connections' ports from, so that it stays free until the host binds it.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 5_000;
    let start = (std::process::id() % u32::from(COUNT)) as u16;
    (0..COUNT)
        .map(|_| FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free port")
}
