//! A run: hosts, two brokers of their own, a load, and one fault after the other, each followed by the check.

use super::evidence::{history, queried};
use super::fault::Fault;
use super::load::{Load, Next};
use super::random::Random;
use super::rig::Rig;
use super::stores;
use crate::stage::Stage;
use serde_json::Value;
use std::ops::Range;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wasmill_tests::invariants::{Entry, broken};
use wasmill_tests::{Broker, Host, Kafka, LONG, Proxy, Watch, another_build, module_bytes, wait_until};

/// Longer than a membership lasts without its owner, and than a transaction's time-out (10 s) with the broker's round.
const TOO_LONG: Duration = Duration::from_secs(12);

/// How long what is read may lag behind what is committed.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(20);

/// Before and after a fault, so that it is in mid-load.
const SOME_LOAD: Duration = Duration::from_millis(1_500);

/// Timers that are under way while a host stands still: from before until after that.
const ALARMS: u64 = 800;
const ALARM_EVERY: Duration = Duration::from_millis(20);
const FIRST_ALARM_AFTER: Duration = Duration::from_secs(3);

pub struct Chaos {
    // Dropped in this order: hosts that lose their broker would only log about it.
    hosts: Vec<Host>,
    watch: Watch,
    stage: Stage,
    /// What hosts, and hosts alone, reach the brokers by.
    proxies: [Proxy; 2],
    broker: Broker,
    rig: Rig,
    random: Random,
    deck: Vec<Fault>,
    next: Next,
    outages: Vec<Range<Duration>>,
    builds: usize,
    began: Instant,
}

impl Chaos {
    pub fn start(rig: Rig, seed: u64) -> Self {
        println!("chaos: {rig:?}");
        let mut proxies = [Proxy::bind(), Proxy::bind()];
        let broker = Broker::replicated_behind(&mut proxies);
        let stage = Stage::on(Kafka::at(broker.address()), "chaos", rig.partitions);
        let brokers = proxies.each_ref().map(|proxy| proxy.address().to_string()).join(",");
        let mut hosts: Vec<Host> = (0..=rig.hosts).map(|number| host(&stage, &brokers, rig, number)).collect();
        for host in &mut hosts[..rig.hosts] {
            host.start();
            host.wait_until_ready();
        }
        let group = stage.group("p");
        let written = [stage.output.clone(), format!("{group}-changelog"), format!("{group}-dlq")];
        let watch = Watch::start(&stage.kafka, rig.partitions, &group, &stage.input, &stage.output, &written);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis() as i64;
        let began = Instant::now();
        let next = Next::from(now - 30 * 86_400_000);
        let mut random = Random(seed);
        let deck = rig.deck.shuffled(&mut random, rig.hosts);
        Chaos { hosts, watch, stage, proxies, broker, rig, random, deck, next, outages: Vec::new(), builds: 0, began }
    }

    /// Every fault once, or until the time is over; then the end.
    pub fn run(mut self, until: Option<Instant>) {
        while until.is_none_or(|until| Instant::now() < until)
            && let Some(fault) = self.deck.pop()
        {
            self.suffer(&fault);
        }
        self.end();
    }

    fn time(&self) -> Duration {
        self.began.elapsed()
    }

    /// One fault under load, and then the check.
    pub fn suffer(&mut self, fault: &Fault) {
        println!("chaos: {:>6.1} s {fault:?}", self.time().as_secs_f64());
        match *fault {
            Fault::ZombieOnTimers { host } => self.stand_still_on_timers(host),
            _ => self.inject_under_load(fault),
        }
        self.stage.kafka.produce(&self.stage.input, &self.next.close());
        self.check(None);
    }

    fn inject_under_load(&mut self, fault: &Fault) {
        let next = self.next.poisoned(matches!(fault, Fault::Poison));
        let load = Load::start(self.stage.kafka.brokers(), &self.stage.input, next);
        std::thread::sleep(SOME_LOAD);
        self.inject(fault);
        std::thread::sleep(SOME_LOAD);
        self.next = load.stop();
    }

    fn stand_still_on_timers(&mut self, host: usize) {
        let first = SystemTime::now() + FIRST_ALARM_AFTER;
        let alarms = self.next.alarms(ALARMS, first, ALARM_EVERY);
        self.stage.kafka.produce(&self.stage.input, &alarms);
        self.stage.wait_until_done("p");
        // Some have fired when it stops, and some are left when it goes on.
        let some = first + SOME_LOAD;
        std::thread::sleep(some.duration_since(SystemTime::now()).unwrap_or_default());
        self.stand_still(host);
        let last = first + ALARM_EVERY * ALARMS as u32;
        assert!(SystemTime::now() < last, "the alarms were over too soon to prove anything");
    }

    fn stand_still(&self, host: usize) {
        self.hosts[host].signal(libc::SIGSTOP);
        std::thread::sleep(TOO_LONG);
        self.hosts[host].signal(libc::SIGCONT);
    }

    /// All hosts lose their stores, and must have the same again. Then they end.
    pub fn end(mut self) {
        let before = queried(&self.running());
        let running: Vec<usize> = (0..self.hosts.len()).filter(|host| self.hosts[*host].is_running()).collect();
        for host in &running {
            self.down(*host);
            stores::delete(&self.hosts[*host]);
        }
        running.iter().for_each(|host| self.up(*host));
        self.wait_for_tasks();
        wait_until("all stores to be restored", LONG, || queried(&self.running()).len() == before.len());
        let rebuilt = queried(&self.running());
        self.check(Some((before, rebuilt)));
        running.iter().for_each(|host| self.down(*host));
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
            Fault::Zombie { host } => self.stand_still(host),
            Fault::ZombieOnTimers { .. } => unreachable!("it has a load of its own"),
            Fault::KillBroker => self.without_broker(Broker::kill9, Duration::ZERO, Broker::start_again),
            Fault::RestartBroker => self.without_broker(Broker::stop, Duration::ZERO, Broker::start_again),
            Fault::FreezeBroker => self.without_broker(Broker::freeze, TOO_LONG, Broker::thaw),
            Fault::CutOff => {
                self.proxies.iter().for_each(Proxy::cut);
                std::thread::sleep(TOO_LONG);
                self.proxies.iter().for_each(Proxy::mend);
            }
            Fault::RollingRestart => {
                self.all_up();
                for host in 0..self.hosts.len() {
                    self.down(host);
                    self.up(host);
                }
                self.down(self.rig.hosts);
            }
            Fault::Scale => self.scale(),
            Fault::Reload => {
                self.builds += 1;
                let module = another_build(&module_bytes("ledger"), &format!("build-{}", self.builds));
                self.running().iter().for_each(|host| host.drop_file("p.wasm", &module));
            }
            Fault::Poison => {}
            Fault::DiskError { host, times } => self.fail_to_write(host, times),
            Fault::DeleteStores { host } => {
                self.hosts[host].kill9();
                stores::delete(&self.hosts[host]);
                self.up(host);
            }
            Fault::TearStores { host } => {
                self.hosts[host].kill9();
                stores::tear(&self.hosts[host], &mut self.random);
                self.up(host);
            }
        }
    }

    fn scale(&mut self) {
        self.alone();
        self.all_up();
        self.alone();
        (1..self.rig.hosts).for_each(|host| self.up(host));
    }

    /// The first host is left with all of the work.
    fn alone(&mut self) {
        for host in 1..self.hosts.len() {
            if self.hosts[host].is_running() {
                self.down(host);
            }
        }
        self.hosts[0].wait_for_tasks("p", self.rig.partitions as usize);
    }

    /// The worker starts again by itself, on new stores.
    fn fail_to_write(&mut self, host: usize, times: u64) {
        self.down(host);
        let told = |host: &Host| host.log().matches("new stores are made").count();
        let before = told(&self.hosts[host]);
        self.hosts[host].start_failing("disk-error", times);
        self.hosts[host].wait_until_ready();
        let host = &self.hosts[host];
        wait_until("new stores to be made", LONG, || told(host) > before);
    }

    /// All of them have work.
    fn all_up(&mut self) {
        for host in 0..self.hosts.len() {
            if !self.hosts[host].is_running() {
                self.up(host);
            }
        }
        for host in &self.hosts {
            host.wait_for_plugin("p", "to have a task", |plugin| tasks(plugin) > 0);
        }
    }

    fn down(&mut self, host: usize) {
        assert_eq!(self.hosts[host].sigterm().code(), Some(0));
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
        let mut last = Vec::new();
        wait_until("all tasks to have an owner", LONG, || {
            let plugins = self.running().into_iter().map(|host| host.plugin("p").unwrap_or_default());
            let plugins: Vec<Value> = plugins.collect();
            let now: Vec<usize> = plugins.iter().map(tasks).collect();
            if now != last {
                println!("chaos: tasks of each host {now:?}: {plugins:?}");
                last.clone_from(&now);
            }
            now.iter().sum::<usize>() == self.rig.partitions as usize
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
            let broken = broken(&history, self.rig.patience());
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

fn host(stage: &Stage, brokers: &str, rig: Rig, number: usize) -> Host {
    let more = format!("[settings]\nhost = 'h{number}'\n[limits]\ndeadline = '300 ms'");
    let plugin = stage.plugin("p", "ledger", &format!("max-batch = 50\nworkers = {}", rig.workers), &more);
    plugin.brokers(brokers).config(&rig.config()).prepare()
}

/// How many a host has of a plugin, whose status this is.
fn tasks(plugin: &Value) -> usize {
    let workers = plugin["workers"].as_array().map_or(&[][..], Vec::as_slice);
    workers.iter().map(|worker| worker["tasks"].as_array().map_or(0, Vec::len)).sum()
}
