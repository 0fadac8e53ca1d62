//! The worker with fakes for its three edges: a delivery that is held back or fails, a commit that is stopped half-way,
//! a rebalance in the middle of a batch, an instance that breaks.

mod early;
mod first;
mod held;
mod refresh;
mod state;
mod timers;

use super::command::{Command, End, State as Phase, Status};
use super::lane::{Lane, LaneSpec, Running};
use super::tasks::InputTopic;
use super::turn::Worker;
use crate::config::{Delivery, OnFailure, PluginConfig, RetryConfig};
use crate::event::{Failure, NO_TIME, Partition, Position, Reason};
use crate::kafka::edge::{
    Inbox, Offsets, Outgoing, Outlet, Rebalance, Refused, SendError, Source, SourceError, TransactionError,
};
use crate::metrics::{Metrics, PluginMetrics};
use crate::plugin::guest::{Answer, Broke, Guest, Outcome, Spawn, TimerTask};
use crate::state::{State, Timer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use wasmill_contract::{Batch, SAME};

/// Topic, value, and headers by name.
type Sent = (usize, String, Vec<(String, String)>);

/// What the fakes share with the test.
#[derive(Default)]
struct World {
    /// Events of each partition; an event's offset is its index.
    log: BTreeMap<Partition, Vec<&'static str>>,
    next: BTreeMap<Partition, usize>,
    committed: BTreeMap<Partition, i64>,
    rebalances: VecDeque<Rebalance>,
    /// A rebalance was told, and the group waits for the answer.
    unanswered: bool,
    paused: Vec<Partition>,
    /// Every record taken, as (topic, value, headers), refused ones left out.
    sent: Vec<Sent>,
    /// Records that are not acknowledged yet.
    held_back: bool,
    in_flight: usize,
    /// Values that the broker refuses, and with them every record sent since the last time nothing was in flight.
    poisonous: Vec<&'static str>,
    batch: Vec<(u64, usize)>,
    refused: Vec<Refused>,
    /// How many records had been sent when the open transaction began.
    open: Option<usize>,
    /// What the open transaction commits.
    offsets: Option<Offsets>,
    /// The answer that has not been waited for yet.
    asked: Option<Result<(), TransactionError>>,
    /// The same for a commit of offsets alone.
    group_asked: Option<Result<(), SourceError>>,
    /// A commit has begun to wait for acknowledgements.
    hurried: bool,
    /// Brokers answer nothing.
    silent: bool,
    must_abort: bool,
    aborts: usize,
    /// Commits answer with this until it is taken out.
    commit_error: Option<&'static str>,
    /// Every call, as the values of its batch.
    calls: Vec<Vec<String>>,
    /// How long an event takes.
    slow: Duration,
    retries: usize,
    instances: usize,
    /// Bytes that an instance holds from its start on, and that it leaks with each event.
    memory: (usize, usize),
    broken: Option<String>,
    closed: bool,
}

impl World {
    fn commit(&mut self, positions: &[Position]) -> Result<(), &'static str> {
        if let Some(why) = self.commit_error {
            return Err(why);
        }
        assert_eq!(self.in_flight, 0, "a commit overtook an output");
        for position in positions {
            assert!(self.next.contains_key(&position.at), "committed a partition that was given up");
            let last = self.committed.insert(position.at, position.offset);
            assert!(last.is_none_or(|last| last <= position.offset), "an offset went back");
        }
        Ok(())
    }
}

type Shared = Arc<Mutex<World>>;

fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap()
}

struct FakeSource(Shared);

impl Source for FakeSource {
    fn poll(&mut self, max: usize, wait: Duration, inbox: &mut dyn Inbox) -> Result<Option<Rebalance>, SourceError> {
        let mut world = lock(&self.0);
        let World { log, next, paused, .. } = &mut *world;
        let mut taken = 0;
        for (at, events) in log {
            let Some(next) = next.get_mut(at).filter(|_| !paused.contains(at)) else { continue };
            while *next < events.len() && taken < max {
                if let Some(columns) = inbox.columns(*at) {
                    let timestamp = 1_000 + *next as i64;
                    columns.push(*next as u64, timestamp, Some(b"k"), Some(events[*next].as_bytes()), [].into_iter());
                }
                *next += 1;
                taken += 1;
            }
        }
        assert!(!world.unanswered, "polled before a rebalance was answered");
        let rebalance = world.rebalances.pop_front();
        world.unanswered = rebalance.is_some();
        drop(world);
        if taken == 0 && rebalance.is_none() {
            std::thread::sleep(wait.min(Duration::from_millis(1)));
        }
        Ok(rebalance)
    }

    fn assign(&mut self, partitions: &[Partition]) -> Result<Vec<Position>, SourceError> {
        let mut world = lock(&self.0);
        world.unanswered = false;
        let starts = partitions.iter().map(|at| {
            let offset = world.committed.get(at).copied().unwrap_or(0);
            world.next.insert(*at, offset as usize);
            Position { at: *at, offset, stream_time: NO_TIME }
        });
        Ok(starts.collect())
    }

    fn unassign(&mut self, partitions: &[Partition], _lost: bool) -> Result<(), SourceError> {
        let mut world = lock(&self.0);
        world.unanswered = false;
        world.next.retain(|at, _| !partitions.contains(at));
        Ok(())
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), SourceError> {
        let mut world = lock(&self.0);
        assert!(world.group_asked.is_none());
        world.group_asked = Some(world.commit(positions).map_err(|why| SourceError::Stale(why.into())));
        Ok(())
    }

    fn committed(&mut self, wait: Duration) -> Option<Result<(), SourceError>> {
        if lock(&self.0).silent {
            std::thread::sleep(wait);
            return None;
        }
        Some(lock(&self.0).group_asked.take().expect("a commit that was asked for"))
    }

    fn offsets(&self, positions: &[Position]) -> Result<Offsets, SourceError> {
        Ok(Offsets::of_nobody(positions))
    }

    fn pause(&mut self, partitions: &[Partition]) -> Result<(), SourceError> {
        lock(&self.0).paused.extend(partitions);
        Ok(())
    }

    fn resume(&mut self, partitions: &[Partition]) -> Result<(), SourceError> {
        lock(&self.0).paused.retain(|at| !partitions.contains(at));
        Ok(())
    }

    fn seek(&mut self, positions: &[Position]) -> Result<(), SourceError> {
        let mut world = lock(&self.0);
        for position in positions {
            world.next.insert(position.at, position.offset as usize);
        }
        Ok(())
    }

    fn end_offset(&self, at: Partition) -> Option<i64> {
        lock(&self.0).log.get(&at).map(|events| events.len() as i64)
    }

    fn close(&mut self) {
        let mut world = lock(&self.0);
        assert!(!world.unanswered, "a consumer that owes the group an answer is never done closing");
        world.closed = true;
    }
}

/// With transactions or without.
struct FakeOutlet(Shared, bool);

impl Outlet for FakeOutlet {
    fn send(&mut self, record: Outgoing<'_>, token: u64) -> Result<(), SendError> {
        let mut world = lock(&self.0);
        assert_eq!(world.open.is_some(), self.1, "sent outside of a transaction");
        if world.must_abort {
            return Err(SendError::Abort("must abort".into()));
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let value = record.value.map(text).unwrap_or_default();
        if value == "too large" {
            let message = "1 MB is the most".to_owned();
            return Err(SendError::Refused { code: "output-too-large", message });
        }
        let headers = record.headers.map(|(name, value)| (text(name), value.map(text).unwrap_or_default()));
        let headers = headers.collect();
        world.sent.push((record.topic, value, headers));
        let index = world.sent.len() - 1;
        world.batch.push((token, index));
        world.in_flight += 1;
        Ok(())
    }

    fn poll(&mut self, _wait: Duration) {
        let mut world = lock(&self.0);
        if world.held_back || world.in_flight == 0 {
            return;
        }
        let batch = std::mem::take(&mut world.batch);
        let refused = batch
            .iter()
            .any(|(_, index)| world.sent[*index].0 == 0 && world.poisonous.contains(&&*world.sent[*index].1));
        if refused {
            world.must_abort = self.1;
            for (token, index) in batch.iter().rev() {
                world.refused.push(Refused { token: *token, code: "output-timestamp", message: "bad time".into() });
                world.sent.remove(*index);
            }
        }
        world.in_flight = 0;
    }

    fn in_flight(&self) -> usize {
        lock(&self.0).in_flight
    }

    fn take_refused(&mut self) -> Vec<Refused> {
        std::mem::take(&mut lock(&self.0).refused)
    }

    fn broken(&self) -> Option<String> {
        lock(&self.0).broken.clone()
    }

    fn hurry(&mut self) {
        lock(&self.0).hurried = true;
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        let mut world = lock(&self.0);
        assert!(self.1 && world.open.is_none());
        world.open = Some(world.sent.len());
        Ok(())
    }

    fn send_offsets(&mut self, offsets: Offsets) -> Result<(), TransactionError> {
        let mut world = lock(&self.0);
        assert!(world.open.is_some() && world.offsets.is_none() && world.asked.is_none());
        world.offsets = Some(offsets);
        world.asked = Some(Ok(()));
        Ok(())
    }

    fn commit(&mut self) -> Result<(), TransactionError> {
        let mut world = lock(&self.0);
        assert!(world.open.is_some() && !world.must_abort && world.asked.is_none());
        let offsets = world.offsets.take().expect("offsets in the transaction");
        let done = world.commit(&offsets.positions).map_err(|why| TransactionError::Abort(why.into()));
        if done.is_ok() {
            world.open = None;
        }
        world.asked = Some(done);
        Ok(())
    }

    fn answered(&mut self, wait: Duration) -> Option<Result<(), TransactionError>> {
        if lock(&self.0).silent {
            std::thread::sleep(wait);
            return None;
        }
        Some(lock(&self.0).asked.take().expect("something that was asked"))
    }

    fn abort(&mut self) -> Result<(), TransactionError> {
        let mut world = lock(&self.0);
        assert!(world.asked.is_none(), "aborted while something else was asked of the transaction");
        let before = world.open.take().expect("an open transaction");
        world.offsets = None;
        world.sent.truncate(before);
        (world.in_flight, world.must_abort) = (0, false);
        world.batch.clear();
        world.aborts += 1;
        Ok(())
    }

    fn take_end(&mut self, _partition: i32) -> Option<i64> {
        None
    }
}

/// Forwards every event, but for those whose value says otherwise. It breaks as a batch plugin does: without telling
/// which event it was.
struct FakeGuest {
    world: Shared,
    tag: &'static str,
    handled: usize,
}

impl Guest for FakeGuest {
    fn process(&mut self, batch: &mut Batch, _: &mut Option<Box<dyn State>>) -> Outcome {
        let mut world = lock(&self.world);
        let values: Vec<String> =
            batch.events().map(|event| String::from_utf8_lossy(event.value.unwrap()).into_owned()).collect();
        world.calls.push(values.clone());
        if !world.slow.is_zero() {
            let takes = world.slow * values.len() as u32;
            drop(world);
            std::thread::sleep(takes);
            world = lock(&self.world);
        }
        self.handled += values.len();
        if values.iter().any(|value| value == "trap") {
            let broke = Broke { reason: Reason::new("trap", "unreachable"), culprit_known: false };
            return Outcome { answer: Answer::default(), broke: Some(broke) };
        }
        let mut answer = Answer { done: values.len() as u32, ..Answer::default() };
        for (index, value) in (0..).zip(&values) {
            let reason = || Reason::new("bad", value.as_str());
            match value.as_str() {
                "reject" => answer.failures.push((index, Failure::Reject(reason()))),
                "retry" if world.retries > 0 => {
                    world.retries -= 1;
                    answer.done = index + 1;
                    answer.failures.push((index, Failure::Retry(reason())));
                    break;
                }
                "stop" => {
                    answer.done = index + 1;
                    answer.failures.push((index, Failure::Stop(reason())));
                    break;
                }
                "violation" => {
                    answer.sources.push(index);
                }
                value => {
                    answer.sources.push(index);
                    answer.sinks.push(0);
                    answer.key_lengths.push(SAME);
                    if self.tag.is_empty() {
                        answer.value_lengths.push(SAME);
                    } else {
                        let value = format!("{}{value}", self.tag);
                        answer.value_lengths.push(value.len() as i32);
                        answer.data.extend_from_slice(value.as_bytes());
                    }
                }
            }
        }
        Outcome { answer, broke: None }
    }

    fn timers(&mut self, _: TimerTask, due: &[Timer], _: &mut Option<Box<dyn State>>) -> Outcome {
        Outcome { answer: Answer { done: due.len() as u32, ..Answer::default() }, broke: None }
    }

    fn memory_bytes(&self) -> usize {
        let (start, leak) = lock(&self.world).memory;
        start + leak * self.handled
    }
}

struct FakeModule(Shared, &'static str);

impl Spawn for FakeModule {
    fn spawn(&self) -> Result<Box<dyn Guest>, Reason> {
        lock(&self.0).instances += 1;
        Ok(Box::new(FakeGuest { world: self.0.clone(), tag: self.1, handled: 0 }))
    }
}

fn running(world: &Shared, tag: &'static str) -> Running {
    let spawn: Arc<dyn Spawn> = Arc::new(FakeModule(world.clone(), tag));
    let guest = spawn.spawn().unwrap();
    Running { version: "1".into(), spawn, guest }
}

/// A worker on its own thread, stopped at the end.
struct Bench {
    world: Shared,
    status: Arc<Status>,
    metrics: Arc<PluginMetrics>,
    commands: Sender<Command>,
    thread: Option<std::thread::JoinHandle<End>>,
}

const ZERO: Partition = Partition { topic: 0, number: 0 };
const ONE: Partition = Partition { topic: 0, number: 1 };

impl Bench {
    fn start(events: &[&'static str], prepare: impl FnOnce(&mut World, &mut PluginConfig)) -> Bench {
        Bench::with_sink(false, events, prepare)
    }

    /// One that has sent what came of its event, and commits when it must and not before.
    #[track_caller]
    fn uncommitted(event: &'static str, prepare: impl FnOnce(&mut World)) -> Bench {
        let bench = Bench::start(&[event], |world, config| {
            prepare(world);
            config.commit_interval = Duration::from_secs(60);
        });
        bench.until("sent", |world| world.sent.len() == 1);
        bench
    }

    /// Of a sink `last_of_commit` only the last output of each key goes out.
    fn with_sink(
        last_of_commit: bool,
        events: &[&'static str],
        prepare: impl FnOnce(&mut World, &mut PluginConfig),
    ) -> Bench {
        let world = Shared::default();
        let mut config = PluginConfig {
            commit_interval: Duration::from_millis(5),
            retry: RetryConfig { initial: Duration::from_millis(1), max: Duration::from_millis(2), attempts: 4 },
            ..PluginConfig::default()
        };
        {
            let mut world = lock(&world);
            world.log.insert(ZERO, events.to_vec());
            world.rebalances.push_back(Rebalance::Assigned(vec![ZERO]));
            prepare(&mut world, &mut config);
        }
        let exactly_once = config.delivery == Delivery::ExactlyOnce;
        let spec = LaneSpec {
            plugin: "fake".into(),
            inputs: vec![InputTopic { input: 0, topic: "in".into() }],
            sinks: vec![last_of_commit],
            stores: vec![],
            config: Arc::new(config),
            exactly_once,
            keeps_changelog: false,
        };
        let metrics = Metrics::new().plugin("fake");
        let gauges = metrics.worker(0);
        let (source, outlet) = (FakeSource(world.clone()), FakeOutlet(world.clone(), exactly_once));
        let lane = Lane::new(spec, source, outlet, running(&world, ""), metrics.clone(), gauges);
        let (commands, inbox) = channel();
        let status = Arc::new(Status::default());
        let mut worker = Worker::new(lane, inbox, status.clone());
        let thread = std::thread::spawn(move || worker.run());
        Bench { world, status, metrics, commands, thread: Some(thread) }
    }

    /// Waits until the world is as it should be; fails, showing what it is, when that takes too long.
    #[track_caller]
    fn until(&self, what: &str, mut holds: impl FnMut(&mut World) -> bool) {
        let started = Instant::now();
        while !holds(&mut lock(&self.world)) {
            if started.elapsed() > Duration::from_secs(10) {
                let world = lock(&self.world);
                panic!("{what}: sent {:?}, committed {:?}, calls {:?}", world.sent, world.committed, world.calls);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[track_caller]
    fn until_committed(&self, at: Partition, offset: i64) {
        self.until("committed", |world| world.committed.get(&at) == Some(&offset));
    }

    fn end(&mut self) -> End {
        self.thread.take().unwrap().join().unwrap()
    }

    /// Its end, which must have been that of a worker that broke; answers why it did.
    #[track_caller]
    fn broken(&mut self) -> String {
        let End::Broken(why) = self.end() else { panic!("it should have broken") };
        why
    }

    fn tell_to_stop(&self, within: Duration) {
        self.commands.send(Command::Stop { give_up: Instant::now() + within }).unwrap();
    }

    fn stop(mut self) -> Shared {
        self.tell_to_stop(Duration::from_secs(5));
        assert!(matches!(self.end(), End::Stopped));
        assert!(lock(&self.world).closed);
        self.world.clone()
    }
}

fn values(world: &World, topic: usize) -> Vec<&str> {
    world.sent.iter().filter(|(to, ..)| *to == topic).map(|(_, value, _)| value.as_str()).collect()
}

#[test]
fn events_are_forwarded_in_order_and_committed() {
    let bench = Bench::start(&["a", "b", "c"], |_, _| {});
    bench.until_committed(ZERO, 3);
    assert_eq!(values(&lock(&bench.stop()), 0), ["a", "b", "c"]);
}

#[test]
fn nothing_is_committed_before_its_outputs_are_acknowledged() {
    let bench = Bench::start(&["a"], |world, _| world.held_back = true);
    bench.until("sent", |world| world.sent.len() == 1);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(lock(&bench.world).committed.get(&ZERO), None);
    lock(&bench.world).held_back = false;
    bench.until_committed(ZERO, 1);
    bench.stop();
}

#[test]
fn a_worker_that_must_stop_while_the_broker_is_silent_commits_nothing() {
    let mut bench = Bench::uncommitted("a", |world| world.held_back = true);
    bench.tell_to_stop(Duration::from_millis(20));
    let why = bench.broken();
    assert!(why.contains("1 outputs were still not acknowledged"), "{why}");
    assert_eq!(lock(&bench.world).committed.get(&ZERO), None);
}

#[test]
fn a_broken_producer_ends_the_worker_before_a_commit() {
    let mut bench = Bench::start(&["a"], |world, _| world.held_back = true);
    bench.until("sent", |world| world.sent.len() == 1);
    lock(&bench.world).broken = Some("fenced".into());
    assert!(matches!(bench.end(), End::Broken(why) if why.contains("fenced")));
    assert_eq!(lock(&bench.world).committed.get(&ZERO), None);
}

#[test]
fn a_commit_that_the_group_refuses_is_made_up_for() {
    let bench = Bench::start(&["a"], |world, _| world.commit_error = Some("illegal generation"));
    bench.until("sent", |world| world.sent.len() == 1);
    std::thread::sleep(Duration::from_millis(20));
    lock(&bench.world).commit_error = None;
    bench.until_committed(ZERO, 1);
    bench.stop();
}

#[test]
fn a_rejected_event_is_dead_lettered_and_the_others_go_on() {
    let bench = Bench::start(&["a", "reject", "b"], |_, _| {});
    bench.until_committed(ZERO, 3);
    let world = bench.stop();
    let world = lock(&world);
    assert_eq!(values(&world, 0), ["a", "b"]);
    assert_eq!(values(&world, 1), ["reject"]);
    let headers = &world.sent.iter().find(|(topic, ..)| *topic == 1).unwrap().2;
    let expected = [("wasmill-plugin", "fake"), ("wasmill-offset", "1"), ("wasmill-kind", "reject")];
    for (name, value) in expected {
        assert!(headers.contains(&(name.into(), value.into())), "{headers:?}");
    }
}

#[test]
fn a_skipped_event_leaves_no_trace_but_its_count() {
    let bench = Bench::start(&["reject", "b"], |_, config| config.on_failure = OnFailure::Skip);
    bench.until_committed(ZERO, 2);
    let world = bench.stop();
    let world = lock(&world);
    assert_eq!((values(&world, 0), values(&world, 1)), (vec!["b"], vec![]));
}

#[test]
fn with_the_policy_stop_the_plugin_stops_at_the_event_and_what_came_before_is_committed() {
    for (events, config) in [(["a", "reject", "b"], OnFailure::Stop), (["a", "stop", "b"], OnFailure::DeadLetter)] {
        let mut bench = Bench::start(&events, |_, plugin| plugin.on_failure = config);
        assert!(matches!(bench.end(), End::Failed(reason) if reason.code == "bad"));
        let world = lock(&bench.world);
        assert_eq!((values(&world, 0), values(&world, 1)), (vec!["a"], vec![]));
        assert_eq!(world.committed.get(&ZERO), Some(&1));
    }
}

#[test]
fn with_the_policy_stop_nothing_is_sent_after_an_event_whose_output_cannot_be() {
    let mut bench = Bench::start(&["a", "too large", "b"], |_, plugin| plugin.on_failure = OnFailure::Stop);
    assert!(matches!(bench.end(), End::Failed(reason) if reason.code == "output-too-large"));
    let world = lock(&bench.world);
    assert_eq!((values(&world, 0), values(&world, 1)), (vec!["a"], vec![]));
    assert_eq!(world.committed.get(&ZERO), Some(&1));
}

#[test]
fn a_retried_event_holds_its_partition_and_order_is_kept() {
    let bench = Bench::start(&["a", "retry", "b"], |world, _| world.retries = 2);
    bench.until_committed(ZERO, 3);
    let world = bench.stop();
    let world = lock(&world);
    assert_eq!(values(&world, 0), ["a", "retry", "b"]);
    assert_eq!(world.calls, [vec!["a", "retry", "b"], vec!["retry"], vec!["retry"], vec!["b"]]);
    assert!(world.paused.is_empty());
}

#[test]
fn another_partition_goes_on_while_one_waits_to_retry() {
    let bench = Bench::start(&["retry"], |world, config| {
        world.retries = usize::MAX;
        config.retry.attempts = u32::MAX;
        config.retry.initial = Duration::from_secs(60);
        config.retry.max = Duration::from_secs(60);
        world.log.insert(ONE, vec!["x", "y"]);
        world.rebalances.push_back(Rebalance::Assigned(vec![ONE]));
    });
    bench.until_committed(ONE, 2);
    assert_eq!(lock(&bench.world).committed.get(&ZERO), None);
    assert_eq!(lock(&bench.world).paused, [ZERO]);
    bench.stop();
}

#[test]
fn an_event_that_is_retried_too_often_is_dead_lettered() {
    let bench = Bench::start(&["retry", "b"], |world, _| world.retries = usize::MAX);
    bench.until_committed(ZERO, 2);
    let world = bench.stop();
    let world = lock(&world);
    assert_eq!((values(&world, 0), values(&world, 1)), (vec!["b"], vec!["retry"]));
    assert!(world.sent[0].2.contains(&("wasmill-message".into(), "retry (tried 4 times)".into())));
    assert_eq!(world.calls.iter().filter(|call| call[0] == "retry").count(), 4);
}

#[test]
fn one_event_that_breaks_the_instance_is_dead_lettered_alone_and_order_is_kept() {
    let mut events = vec!["x"; 500];
    events[137] = "trap";
    events[138] = "after";
    let bench = Bench::start(&events, |_, _| {});
    bench.until_committed(ZERO, 500);
    let world = bench.stop();
    let world = lock(&world);
    assert_eq!(values(&world, 1), ["trap"]);
    let mut expected = events.clone();
    expected.remove(137);
    assert_eq!(values(&world, 0), expected);
    assert!(world.instances < 15, "{} instances to find one event of 500", world.instances);
}

#[test]
fn an_answer_that_breaks_the_contract_is_isolated_like_a_trap() {
    let bench = Bench::start(&["a", "violation", "b"], |_, _| {});
    bench.until_committed(ZERO, 3);
    let world = bench.stop();
    let world = lock(&world);
    assert_eq!((values(&world, 0), values(&world, 1)), (vec!["a", "b"], vec!["violation"]));
    assert!(world.sent.iter().any(|sent| sent.2.contains(&("wasmill-kind".into(), "contract".into()))));
}

#[test]
fn too_many_broken_instances_in_a_row_stop_the_plugin() {
    let mut bench = Bench::start(&["a", "trap", "trap", "trap"], |_, config| config.max_failures_in_a_row = 2);
    assert!(matches!(bench.end(), End::Failed(reason) if reason.code == "max-failures-in-a-row"));
    let world = lock(&bench.world);
    assert_eq!((values(&world, 0).len(), values(&world, 1).len()), (1, 2));
    assert_eq!(world.committed.get(&ZERO), Some(&3));
}

#[test]
fn an_output_that_can_never_be_sent_is_a_failure_of_its_event() {
    let bench = Bench::start(&["a", "b"], |world, _| world.log.get_mut(&ZERO).unwrap().insert(1, "too large"));
    bench.until_committed(ZERO, 3);
    let world = bench.stop();
    let world = lock(&world);
    assert_eq!(values(&world, 0), ["a", "b"]);
    // The event itself is too large for the dead-letter topic as well: it goes there without its value.
    let letter = world.sent.iter().find(|(topic, ..)| *topic == 1).unwrap();
    assert_eq!(letter.1, "");
    assert!(letter.2.contains(&("wasmill-cut".into(), "9".into())), "{letter:?}");
}

#[test]
fn an_output_that_the_broker_refuses_is_found_among_its_neighbours() {
    let mut events = vec!["x"; 100];
    events[42] = "poison";
    let bench = Bench::start(&events, |world, _| world.poisonous = vec!["poison"]);
    bench.until_committed(ZERO, 100);
    let metrics = bench.metrics.clone();
    let world = bench.stop();
    let world = lock(&world);
    // Most were handled several times: what was taken back does not count.
    let counted = metrics.snapshot();
    assert_eq!((counted.events, counted.dead_letters), (100, 1));
    assert_eq!(values(&world, 1), ["poison"]);
    let mut expected = events.clone();
    expected.remove(42);
    assert_eq!(values(&world, 0), expected);
}

#[test]
fn a_worker_that_gets_no_partition_has_joined_all_the_same() {
    let bench = Bench::start(&["a"], |world, _| world.rebalances.clear());
    assert_eq!(bench.status.state(), Phase::Joining);
    lock(&bench.world).rebalances.push_back(Rebalance::Assigned(vec![]));
    bench.until("it to run", |_| bench.status.state() == Phase::Running);
    assert_eq!(bench.status.tasks(), [] as [i32; 0]);
    bench.stop();
}

#[test]
fn a_revoked_partition_is_committed_first_and_nothing_of_it_afterwards() {
    let bench = Bench::start(&["a", "b"], |world, config| {
        config.commit_interval = Duration::from_secs(60);
        world.log.insert(ONE, vec!["x"]);
        world.rebalances.push_back(Rebalance::Assigned(vec![ONE]));
    });
    bench.until("sent", |world| world.sent.len() == 3);
    lock(&bench.world).rebalances.push_back(Rebalance::Revoked(vec![ZERO]));
    bench.until_committed(ZERO, 2);
    bench.until("given up", |world| !world.next.contains_key(&ZERO));
    // The fake refuses a commit of a partition that was given up.
    lock(&bench.world).log.get_mut(&ONE).unwrap().push("y");
    bench.until("sent", |world| world.sent.len() == 4);
    bench.stop();
}

#[test]
fn events_polled_before_a_revocation_in_the_same_batch_are_not_lost() {
    let bench = Bench::start(&["a", "b", "c"], |_, _| {});
    bench.until_committed(ZERO, 3);
    {
        let mut world = lock(&bench.world);
        world.log.get_mut(&ZERO).unwrap().extend(["d", "e"]);
        // The poll that takes d and e also brings the revocation: they were not handled, so they must not be committed.
        world.rebalances.push_back(Rebalance::Revoked(vec![ZERO]));
        world.rebalances.push_back(Rebalance::Assigned(vec![ZERO]));
    }
    bench.until_committed(ZERO, 5);
    assert_eq!(values(&lock(&bench.stop()), 0), ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_lost_partition_is_not_committed() {
    let bench = Bench::uncommitted("a", |_| {});
    lock(&bench.world).rebalances.push_back(Rebalance::Lost(vec![ZERO]));
    bench.until("given up", |world| world.next.is_empty());
    assert_eq!(lock(&bench.stop()).committed.get(&ZERO), None);
}

#[test]
fn a_swap_happens_at_a_commit_and_the_next_event_is_the_new_modules() {
    let bench = Bench::uncommitted("a", |_| {});
    let (told, swapped) = channel();
    let swap = Command::Swap {
        running: running(&bench.world, "new:"),
        swapped: Box::new(move |pause, _| told.send(pause).unwrap()),
    };
    bench.commands.send(swap).unwrap();
    swapped.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(lock(&bench.world).committed.get(&ZERO), Some(&1));
    lock(&bench.world).log.get_mut(&ZERO).unwrap().push("b");
    bench.until("sent", |world| world.sent.len() == 2);
    assert_eq!(values(&lock(&bench.stop()), 0), ["a", "new:b"]);
}

#[test]
fn a_swap_waits_for_a_commit_that_is_due_anyway() {
    let bench = Bench::start(&["a"], |_, config| config.commit_interval = Duration::from_millis(100));
    bench.until("sent", |world| world.sent.len() == 1);
    let (told, swapped) = channel();
    let swap = Command::Swap {
        running: running(&bench.world, "new:"),
        swapped: Box::new(move |pause, _| told.send(pause).unwrap()),
    };
    bench.commands.send(swap).unwrap();
    let pause = swapped.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(pause < Duration::from_millis(50), "{pause:?}");
    assert_eq!(lock(&bench.world).committed.get(&ZERO), Some(&1));
    lock(&bench.world).log.get_mut(&ZERO).unwrap().push("b");
    bench.until_committed(ZERO, 2);
    assert_eq!(values(&lock(&bench.stop()), 0), ["a", "new:b"]);
}

#[test]
fn a_paused_worker_handles_nothing_until_it_is_resumed() {
    let bench = Bench::start(&["a"], |_, _| {});
    bench.until_committed(ZERO, 1);
    bench.commands.send(Command::Pause).unwrap();
    bench.until("paused", |world| world.paused == [ZERO]);
    lock(&bench.world).log.get_mut(&ZERO).unwrap().push("b");
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!(lock(&bench.world).sent.len(), 1);
    bench.commands.send(Command::Resume).unwrap();
    bench.until_committed(ZERO, 2);
    bench.stop();
}

#[test]
fn the_same_events_in_batches_of_any_size_give_the_same_outputs() {
    let events = ["a", "reject", "b", "trap", "c", "too large", "d", "violation", "e", "retry", "f"];
    let outputs = [1, 7, 500].map(|max_batch| {
        let bench = Bench::start(&events, |world, config| {
            config.max_batch = max_batch;
            world.retries = 1;
        });
        bench.until_committed(ZERO, events.len() as i64);
        let world = bench.stop();
        let world = lock(&world);
        (values(&world, 0).join(" "), values(&world, 1).join(" "))
    });
    assert_eq!(outputs[0], ("a b c d e retry f".into(), "reject trap  violation".into()));
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0], outputs[2]);
}

#[test]
fn what_was_sent_before_a_refused_commit_is_taken_back_and_appears_once() {
    let bench = Bench::start(&["a", "b"], |world, _| world.commit_error = Some("illegal generation"));
    bench.until("taken back", |world| world.aborts > 2);
    lock(&bench.world).commit_error = None;
    bench.until_committed(ZERO, 2);
    assert_eq!(values(&lock(&bench.stop()), 0), ["a", "b"]);
}

#[test]
fn what_a_lost_partition_has_sent_is_taken_back() {
    let bench = Bench::start(&["a"], |world, config| {
        config.commit_interval = Duration::from_secs(60);
        world.log.insert(ONE, vec!["x"]);
        world.rebalances.push_back(Rebalance::Assigned(vec![ONE]));
    });
    bench.until("sent", |world| world.sent.len() == 2);
    lock(&bench.world).rebalances.push_back(Rebalance::Lost(vec![ZERO]));
    // The other partition's event comes again.
    bench.until("given up", |world| world.aborts == 1 && values(world, 0) == ["x"]);
    let world = bench.stop();
    assert_eq!(lock(&world).committed, BTreeMap::from([(ONE, 1)]));
}

#[test]
fn a_run_without_outputs_is_committed_without_a_transaction() {
    let bench = Bench::start(&["reject", "reject"], |_, config| config.on_failure = OnFailure::Skip);
    // The fake would refuse a commit of a transaction that was not opened.
    bench.until_committed(ZERO, 2);
    assert_eq!(lock(&bench.stop()).sent.len(), 0);
}

#[test]
fn without_transactions_the_guilty_event_is_found_as_well_and_nothing_is_lost() {
    let events = ["a", "b", "poison", "c", "d"];
    let bench = Bench::start(&events, |world, config| {
        config.delivery = Delivery::AtLeastOnce;
        world.poisonous = vec!["poison"];
    });
    bench.until_committed(ZERO, 5);
    let world = bench.stop();
    let world = lock(&world);
    assert_eq!(values(&world, 1), ["poison"]);
    for value in ["a", "b", "c", "d"] {
        assert!(values(&world, 0).contains(&value), "{value} in {:?}", world.sent);
    }
}
