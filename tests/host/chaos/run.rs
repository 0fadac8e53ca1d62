//! A run: hosts, a broker of their own, a load, and one fault after the other, each followed by the check.

use super::evidence::{history, queried};
use super::fault::Fault;
use super::load::{Load, Next};
use super::random::Random;
use crate::stage::Stage;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wasmill_tests::invariants::{Entry, broken};
use wasmill_tests::{Broker, Host, Kafka, LONG, Watch, another_build, module_bytes, wait_until};

const PARTITIONS: i32 = 4;

/// Short, so that a run has many faults: memberships end soon after their owner has.
const FAST: &str = "[kafka.consumer]\n'session.timeout.ms' = 3000\n'heartbeat.interval.ms' = 500";

/// Longer than that, and than a transaction's time-out (10 s) with the broker's round.
const TOO_LONG: Duration = Duration::from_secs(12);

/// A transaction may keep readers waiting for so long: its time-out, the broker's round, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long what is read may lag behind what is committed.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(20);

/// Before and after a fault, so that it is in mid-load.
const SOME_LOAD: Duration = Duration::from_millis(1_500);

pub struct Chaos {
    // Dropped in this order: hosts that lose their broker would only log about it.
    hosts: Vec<Host>,
    watch: Watch,
    stage: Stage,
    broker: Broker,
    random: Random,
    deck: Vec<Fault>,
    next: Next,
    outages: Vec<Range<Duration>>,
    builds: usize,
    began: Instant,
}

impl Chaos {
    /// With so many hosts running, and one more that joins at times.
    pub fn start(seed: u64, running: usize) -> Self {
        println!("chaos: seed {seed}; again with `cargo xtask chaos --seed {seed}`");
        let broker = Broker::start();
        let stage = Stage::on(Kafka::at(broker.address()), "chaos", PARTITIONS);
        let mut hosts: Vec<Host> = (0..=running).map(|number| host(&stage, number)).collect();
        for host in &mut hosts[..running] {
            host.start();
            host.wait_until_ready();
        }
        let group = stage.group("p");
        let written = [stage.output.clone(), format!("{group}-changelog"), format!("{group}-dlq")];
        let watch = Watch::start(&stage.kafka, PARTITIONS, &group, &stage.input, &stage.output, &written);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis() as i64;
        let began = Instant::now();
        let next = Next::from(now - 30 * 86_400_000);
        let (deck, outages) = (Vec::new(), Vec::new());
        Chaos { hosts, watch, stage, broker, random: Random(seed), deck, next, outages, builds: 0, began }
    }

    pub fn time(&self) -> Duration {
        self.began.elapsed()
    }

    /// The next fault: all of them come once before one comes again.
    pub fn next(&mut self) {
        if self.deck.is_empty() {
            self.deck = Fault::all(&mut self.random, 2);
        }
        let fault = self.deck.pop().expect("there are faults");
        self.suffer(&fault);
    }

    /// One fault under load, and then the check.
    pub fn suffer(&mut self, fault: &Fault) {
        println!("chaos: {:>6.1} s {fault:?}", self.time().as_secs_f64());
        let next = self.next.poisoned(matches!(fault, Fault::Poison));
        let load = Load::start(self.stage.kafka.brokers(), &self.stage.input, next);
        std::thread::sleep(SOME_LOAD);
        self.inject(fault);
        std::thread::sleep(SOME_LOAD);
        self.next = load.stop();
        self.stage.kafka.produce(&self.stage.input, &self.next.close());
        self.check(None);
    }

    /// All hosts lose their stores, and must have the same again. Then they end.
    pub fn end(mut self) {
        let before = queried(&self.running());
        let running: Vec<usize> = (0..self.hosts.len()).filter(|host| self.hosts[*host].is_running()).collect();
        for host in &running {
            assert_eq!(self.hosts[*host].sigterm().code(), Some(0));
            delete_stores(&self.hosts[*host]);
        }
        running.iter().for_each(|host| self.up(*host));
        self.wait_for_tasks();
        wait_until("all stores to be restored", LONG, || queried(&self.running()).len() == before.len());
        let rebuilt = queried(&self.running());
        self.check(Some((before, rebuilt)));
        for host in running {
            assert_eq!(self.hosts[host].sigterm().code(), Some(0));
        }
        println!("chaos: {:>6.1} s {} events counted once", self.time().as_secs_f64(), self.next.number());
    }

    fn inject(&mut self, fault: &Fault) {
        match *fault {
            Fault::KillAt { host, failpoint, times } => {
                self.hosts[host].sigterm();
                self.hosts[host].start_until(failpoint, times);
                self.hosts[host].wait_for_end();
                self.up(host);
            }
            Fault::Kill { host } => {
                self.hosts[host].kill9();
                self.up(host);
            }
            Fault::Zombie { host } => {
                self.hosts[host].signal(libc::SIGSTOP);
                std::thread::sleep(TOO_LONG);
                self.hosts[host].signal(libc::SIGCONT);
            }
            Fault::RestartBroker => self.without_broker(Broker::stop, Duration::ZERO, Broker::start_again),
            Fault::FreezeBroker => self.without_broker(Broker::freeze, TOO_LONG, Broker::thaw),
            Fault::RollingRestart => {
                for host in 0..2 {
                    assert_eq!(self.hosts[host].sigterm().code(), Some(0));
                    self.up(host);
                }
            }
            Fault::Scale => self.scale(),
            Fault::Reload => {
                self.builds += 1;
                let module = another_build(&module_bytes("ledger"), &format!("build-{}", self.builds));
                self.running().iter().for_each(|host| host.drop_file("p.wasm", &module));
            }
            Fault::Poison => {}
            Fault::DeleteStores { host } => {
                self.hosts[host].kill9();
                delete_stores(&self.hosts[host]);
                self.up(host);
            }
            Fault::TearStores { host } => {
                self.hosts[host].kill9();
                tear(&self.hosts[host].folder().join("state/stores"), &mut self.random);
                self.up(host);
            }
        }
    }

    fn scale(&mut self) {
        self.up(2);
        self.hosts[2].wait_for_plugin("p", "to have a task", |plugin| {
            plugin["workers"][0]["tasks"].as_array().is_some_and(|tasks| !tasks.is_empty())
        });
        for host in [1, 2] {
            assert_eq!(self.hosts[host].sigterm().code(), Some(0));
        }
        self.hosts[0].wait_for_tasks("p", PARTITIONS as usize);
        self.up(1);
    }

    fn without_broker(&mut self, away: impl Fn(&mut Broker), time: Duration, back: impl Fn(&mut Broker)) {
        let from = self.watch.time();
        away(&mut self.broker);
        std::thread::sleep(time);
        back(&mut self.broker);
        self.outages.push(from..self.watch.time());
    }

    fn up(&mut self, host: usize) {
        self.hosts[host].start();
        self.hosts[host].wait_until_ready();
    }

    fn running(&self) -> Vec<&Host> {
        self.hosts.iter().filter(|host| host.is_running()).collect()
    }

    fn wait_for_tasks(&self) {
        wait_until("all tasks to have an owner", LONG, || {
            let tasks = |host: &&Host| {
                let plugin = host.plugin("p").unwrap_or_default();
                plugin["workers"][0]["tasks"].as_array().map_or(0, Vec::len)
            };
            self.running().iter().map(tasks).sum::<usize>() == PARTITIONS as usize
        });
    }

    /// Holds everything since the beginning against the invariants.
    fn check(&self, rebuilt: Option<(Vec<Entry>, Vec<Entry>)>) {
        self.stage.wait_until_done("p");
        self.wait_for_tasks();
        let deadline = Instant::now() + CATCHES_UP_WITHIN;
        loop {
            let mut history = history(&self.stage, &self.watch, &self.running());
            history.outages.clone_from(&self.outages);
            if let Some((before, rebuilt)) = &rebuilt {
                history.queried.clone_from(before);
                history.rebuilt = Some(rebuilt.clone());
            }
            let broken = broken(&history, PATIENCE);
            if broken.is_empty() {
                let aborted = history.written.len() - history.outputs.len();
                println!(
                    "chaos: {:>6.1} s fine: {} events, {} outputs, {aborted} aborted, {} dead letters",
                    self.time().as_secs_f64(),
                    history.inputs.len(),
                    history.outputs.len(),
                    history.dead_letters.len()
                );
                return;
            }
            if Instant::now() >= deadline {
                let all: Vec<String> = broken.iter().map(ToString::to_string).collect();
                panic!("after {:.1} s:\n{}", self.time().as_secs_f64(), all.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

fn host(stage: &Stage, number: usize) -> Host {
    let more = format!("[settings]\nhost = 'h{number}'\n[limits]\ndeadline = '300 ms'");
    stage.plugin("p", "ledger", "max-batch = 50", &more).config(FAST).prepare()
}

fn delete_stores(host: &Host) {
    std::fs::remove_dir_all(host.folder().join("state/stores")).expect("there are stores");
}

/// Overwrites some bytes of one file, in the middle of what was written to it: a journal is longer than that.
fn tear(folder: &Path, random: &mut Random) {
    let mut files = Vec::new();
    find_files(folder, &mut files);
    files.sort();
    let (path, mut bytes) = files.swap_remove(random.below(files.len()));
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let middle = random.below(written);
    println!("chaos: bytes from {middle} of {written} of {} are others now", path.display());
    bytes[middle..written].iter_mut().take(64).for_each(|byte| *byte ^= random.next() as u8 | 1);
    std::fs::write(&path, bytes).expect("a file");
}

/// Those that hold something.
fn find_files(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find_files(&path, found);
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        if bytes.iter().any(|byte| *byte != 0) {
            found.push((path, bytes));
        }
    }
}
