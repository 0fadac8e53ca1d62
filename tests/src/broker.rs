//! A broker of one test's own, which may be killed.

use crate::proxy::Proxy;
use crate::told;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// An Apache Kafka that nobody else uses, of one node or of two. Dropping it ends it, and removes its data.
pub struct Broker {
    process: Child,
    /// The process ends when this is closed.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    address: String,
}

impl Broker {
    /// Starts one. Panics if this machine has no Java or no Maven: a broker in a container would lose its data.
    pub fn start() -> Self {
        Broker::of(1, &mut [])
    }

    /// Two nodes with every topic on both, as whoever runs exactly once has them: what happens happens to the second one, while
    /// the first takes over. A single one that goes and comes back loses ends of transactions, which proves nothing about a host:
    /// see docs/decisions/0005-what-kafka-does-not-hold.md.
    pub fn replicated() -> Self {
        Broker::of(2, &mut [])
    }

    /// The same with a second way in, through proxies.
    pub fn replicated_behind(proxies: &mut [Proxy; 2]) -> Self {
        Broker::of(2, proxies)
    }

    fn of(nodes: usize, proxies: &mut [Proxy]) -> Self {
        let mut command = Command::new(told("WASMILL_XTASK"));
        command.args(["kafka", "--obey", "--nodes", &nodes.to_string()]);
        for proxy in &*proxies {
            command.args(["--proxy", &proxy.address().port().to_string()]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("WASMILL_XTASK can be started");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let commands = process.stdin.take();
        let mut broker = Broker { process, commands, answers, address: String::new() };
        broker.address = broker.answer("the broker's address");
        if !proxies.is_empty() {
            let behind = broker.answer("the addresses behind the proxies");
            for (proxy, server) in proxies.iter_mut().zip(behind.split(',')) {
                proxy.serve(server.parse().expect("an address"));
            }
        }
        broker
    }

    /// `host:port`, and a comma between two nodes.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Ends it as a crash would (SIGKILL); its data stays.
    pub fn kill9(&mut self) {
        self.tell("kill");
    }

    /// Asks it to end (SIGTERM), and waits for that; its data stays.
    pub fn stop(&mut self) {
        self.tell("stop");
    }

    /// Makes it stand still (SIGSTOP): connections stay, and nobody answers.
    pub fn freeze(&mut self) {
        self.tell("freeze");
    }

    /// Lets it go on after [`Broker::freeze`].
    pub fn thaw(&mut self) {
        self.tell("thaw");
    }

    /// Starts it again, on the same address and with the data that it had.
    pub fn start_again(&mut self) {
        self.tell("start");
    }

    fn tell(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("a pipe");
        writeln!(commands, "{command}").expect("a broker that listens");
        assert_eq!(self.answer(command), command);
    }

    fn answer(&mut self, to: &str) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("a line");
        assert!(line.ends_with('\n'), "the broker's process has ended instead of giving {to}");
        line.trim_end().to_owned()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.commands.take();
        // It fails only if it has been waited for already.
        let _ = self.process.wait();
    }
}
