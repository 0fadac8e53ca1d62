//! Timers that fire, and tasks whose state is opened and given up.

use super::*;
use crate::state::{Clock, MemoryState, StoreSpec};
use crate::worker::opening::{OpenError, Opened, States};

/// An event `set KEY TIME` sets a timer on event time; any other is sent on. A timer sends its key on, but for those whose
/// key says otherwise; `cancels-KEY` cancels another one besides, and `again` sets itself anew, due at once.
struct Ticking {
    world: Shared,
    retries: usize,
}

impl Guest for Ticking {
    fn process(&mut self, batch: &mut Batch, _: &mut Option<Box<dyn State>>) -> Outcome {
        let mut answer = Answer::default();
        let mut earliest = i64::MAX;
        for (source, event) in (0..).zip(batch.events()) {
            answer.done += 1;
            let value = String::from_utf8_lossy(event.value.unwrap()).into_owned();
            if let Some((key, at)) = value.strip_prefix("set ").and_then(|timer| timer.split_once(' ')) {
                let at = at.parse().unwrap();
                answer.timers.push(source, Clock::EventTime, key.as_bytes(), Some(at));
                earliest = earliest.min(at);
            } else {
                answer.sources.push(source);
                answer.sinks.push(0);
                answer.key_lengths.push(SAME);
                answer.value_lengths.push(SAME);
            }
            // As the contract asks: a timer that was set in this run is due before the rest of it.
            if earliest <= batch.stream_time_before(source as usize + 1) {
                break;
            }
        }
        lock(&self.world).calls.push(vec![format!("{} events", answer.done)]);
        Outcome { answer, broke: None }
    }

    fn timers(&mut self, _: TimerTask, due: &[Timer], _: &mut Option<Box<dyn State>>) -> Outcome {
        let keys: Vec<String> = due.iter().map(|timer| String::from_utf8(timer.key.clone()).unwrap()).collect();
        lock(&self.world).calls.push(keys.clone());
        let mut answer = Answer::default();
        if keys.iter().any(|key| key == "trap") {
            let broke = Broke { reason: Reason::new("trap", "told to"), culprit_known: false };
            return Outcome { answer, broke: Some(broke) };
        }
        for (source, key) in (0..).zip(&keys) {
            answer.done += 1;
            let reason = || Reason::new("bad", "told to");
            match key.as_str() {
                "reject" => answer.failures.push((source, Failure::Reject(reason()))),
                "retry" if self.retries > 0 => {
                    self.retries -= 1;
                    answer.failures.push((source, Failure::Retry(reason())));
                    break;
                }
                key => {
                    answer.sources.push(source);
                    answer.sinks.push(0);
                    answer.key_lengths.push(SAME);
                    answer.value_lengths.push(key.len() as i32);
                    answer.data.extend_from_slice(key.as_bytes());
                    if let Some(other) = key.strip_prefix("cancels-") {
                        answer.timers.push(source, Clock::EventTime, other.as_bytes(), None);
                        // As the contract asks: what is due has changed.
                        break;
                    }
                    if key == "again" {
                        answer.timers.push(source, Clock::EventTime, key.as_bytes(), Some(due[source as usize].at));
                        break;
                    }
                }
            }
        }
        Outcome { answer, broke: None }
    }

    fn memory_bytes(&self) -> usize {
        0
    }
}

struct Clockwork(Shared);

impl Spawn for Clockwork {
    fn spawn(&self) -> Result<Box<dyn Guest>, Reason> {
        lock(&self.0).instances += 1;
        Ok(Box::new(Ticking { world: self.0.clone(), retries: 1 }))
    }
}

/// Opens an empty state, or answers with an error; each when it is let.
#[derive(Default)]
struct FakeStates {
    held: Mutex<Vec<Opened>>,
    holds: bool,
}

impl States for FakeStates {
    fn open(&self, _: i32, _: i64, opened: Opened) {
        if self.holds {
            self.held.lock().unwrap().push(opened);
        } else {
            opened.done(Ok(Box::new(MemoryState::new(&stores()))));
        }
    }
}

fn stores() -> Vec<StoreSpec> {
    vec![StoreSpec { name: "notes".into(), ttl_ms: None, version: 0, keyed_by_event: false }]
}

fn start(events: &[&'static str], states: Arc<FakeStates>, prepare: impl FnOnce(&mut World)) -> Bench {
    let world = Shared::default();
    {
        let mut world = lock(&world);
        world.log.insert(ZERO, events.to_vec());
        world.rebalances.push_back(Rebalance::Assigned(vec![ZERO]));
        prepare(&mut world);
    }
    let config = PluginConfig {
        commit_interval: Duration::from_millis(5),
        retry: RetryConfig { initial: Duration::from_millis(1), max: Duration::from_millis(2), attempts: 4 },
        ..PluginConfig::default()
    };
    let spec = LaneSpec {
        plugin: "fake".into(),
        inputs: vec![InputTopic { input: 0, topic: "in".into() }],
        sinks: vec![false],
        stores: stores(),
        config: Arc::new(config),
        exactly_once: true,
        keeps_changelog: false,
    };
    let metrics = Metrics::new().plugin("fake");
    let gauges = metrics.worker(0);
    let spawn: Arc<dyn Spawn> = Arc::new(Clockwork(world.clone()));
    let running = Running { version: "1".into(), guest: spawn.spawn().unwrap(), spawn };
    let (source, outlet) = (FakeSource(world.clone()), FakeOutlet(world.clone(), true));
    let lane = Lane::new(spec, source, outlet, running, metrics.clone(), gauges).with_states(states);
    let (commands, inbox) = channel();
    let status = Arc::new(Status::default());
    let mut worker = Worker::new(lane, inbox, status.clone());
    let thread = std::thread::spawn(move || worker.run());
    Bench { world, status, metrics, commands, thread: Some(thread) }
}

/// What was sent when everything is done; an event's timestamp is 1000 and its offset.
fn sent(events: &[&'static str], prepare: impl FnOnce(&mut World)) -> (Vec<String>, Vec<String>) {
    let bench = start(events, Arc::default(), prepare);
    bench.until_committed(ZERO, events.len() as i64);
    let settled = |world: &mut World| world.open.is_none() && world.in_flight == 0;
    bench.until("the last timers are committed", settled);
    let world = bench.stop();
    let world = lock(&world);
    let texts = |topic| values(&world, topic).into_iter().map(str::to_owned).collect();
    (texts(0), texts(1))
}

#[test]
fn a_timer_fires_between_the_event_that_made_it_due_and_the_next() {
    let (outputs, letters) = sent(&["set one 1002", "a", "b", "c"], |_| ());
    assert_eq!((outputs, letters.len()), (["a", "b", "one", "c"].map(str::to_owned).to_vec(), 0));
}

#[test]
fn one_that_is_set_and_due_in_one_run_fires_before_the_rest_of_it() {
    let (outputs, _) = sent(&["a", "set now 1000", "b"], |_| ());
    assert_eq!(outputs, ["a", "now", "b"]);
}

#[test]
fn one_that_is_cancelled_by_another_that_was_due_with_it_does_not_fire() {
    let events = ["set a 1004", "set cancels-z 1004", "set z 1004", "set zz 1004", "end"];
    let (outputs, _) = sent(&events, |_| ());
    assert_eq!(outputs, ["end", "a", "cancels-z", "zz"].map(str::to_owned).to_vec());
}

#[test]
fn a_timer_that_breaks_the_instance_or_is_rejected_is_dead_lettered_alone() {
    let events = ["set a 1004", "set trap 1004", "set reject 1004", "set z 1004", "end"];
    let bench = start(&events, Arc::default(), |_| ());
    bench.until_committed(ZERO, 5);
    let world = bench.stop();
    let world = lock(&world);
    let mut outputs = values(&world, 0);
    outputs.sort_unstable();
    assert_eq!(outputs, ["a", "end", "z"]);
    let codes: Vec<_> = world
        .sent
        .iter()
        .filter(|(topic, ..)| *topic == 1)
        .map(|(_, _, headers)| headers.iter().find(|(name, _)| name == "wasmill-code").unwrap().1.as_str())
        .collect();
    assert_eq!(codes, ["bad", "trap"]);
}

#[test]
fn a_timer_that_is_to_be_retried_fires_again_and_once() {
    let (outputs, letters) = sent(&["set retry 1001", "a", "b"], |_| ());
    assert_eq!((outputs, letters.len()), (["a", "retry", "b"].map(str::to_owned).to_vec(), 0));
}

#[test]
fn a_timer_that_goes_on_and_on_holds_up_neither_other_tasks_nor_commands() {
    let bench = start(&["set again 1000", "a"], Arc::default(), |world| {
        world.log.insert(ONE, vec!["b"]);
        world.rebalances = [Rebalance::Assigned(vec![ZERO, ONE])].into();
    });
    bench.until("the other task's event", |world| values(world, 0).contains(&"b"));
    bench.until("commits in between", |world| world.committed.get(&ONE) == Some(&1));
    assert!(!values(&lock(&bench.world), 0).contains(&"a"), "its own next event waits for it");
    bench.commands.send(Command::Stop { give_up: Instant::now() + Duration::from_secs(5) }).unwrap();
    bench.until("the end", |world| world.closed);
}

#[test]
fn a_timer_whose_output_the_broker_refuses_is_found_among_others() {
    let events = ["set a 1003", "set poison 1003", "set z 1003", "end"];
    let (mut outputs, letters) = sent(&events, |world| world.poisonous = vec!["poison"]);
    outputs.sort();
    assert_eq!((outputs, letters.len()), (["a", "end", "z"].map(str::to_owned).to_vec(), 1));
}

#[test]
fn a_task_waits_for_its_state_and_another_goes_on_without_it() {
    let states = Arc::new(FakeStates { holds: true, ..FakeStates::default() });
    let bench = start(&["a"], states.clone(), |world| {
        world.log.insert(ONE, vec!["x"]);
        world.rebalances.push_back(Rebalance::Assigned(vec![ONE]));
    });
    bench.until("both are opened", |world| world.paused.len() >= 2);
    let mut held = std::mem::take(&mut *states.held.lock().unwrap());
    assert_eq!((held.len(), lock(&bench.world).sent.len()), (2, 0));
    held.pop().unwrap().done(Ok(Box::new(MemoryState::new(&stores()))));
    bench.until_committed(ONE, 1);
    assert_eq!(lock(&bench.world).committed.get(&ZERO), None);
    held.pop().unwrap().done(Ok(Box::new(MemoryState::new(&stores()))));
    bench.until_committed(ZERO, 1);
    bench.stop();
}

#[test]
fn a_state_that_cannot_be_opened_ends_the_worker_with_its_reason() {
    for (failed, error) in
        [(true, OpenError::Failed(Reason::new("state", "version 2"))), (false, OpenError::Broken("no broker".into()))]
    {
        let states = Arc::new(FakeStates { holds: true, ..FakeStates::default() });
        let mut bench = start(&["a"], states.clone(), |_| ());
        bench.until("it is opened", |world| !world.paused.is_empty());
        states.held.lock().unwrap().pop().unwrap().done(Err(error));
        match bench.end() {
            End::Failed(reason) => assert!(failed && reason.message == "version 2"),
            End::Broken(why) => assert!(!failed && why == "no broker"),
            End::Stopped => panic!("nobody stopped it"),
        }
    }
}

#[test]
fn whoever_no_longer_waits_for_a_state_says_so() {
    let states = Arc::new(FakeStates { holds: true, ..FakeStates::default() });
    let bench = start(&["a"], states.clone(), |_| ());
    bench.until("it is opened", |world| !world.paused.is_empty());
    assert!(states.held.lock().unwrap()[0].is_wanted());
    lock(&bench.world).rebalances.push_back(Rebalance::Revoked(vec![ZERO]));
    bench.until("given up", |world| world.next.is_empty());
    bench.stop();
    assert!(!states.held.lock().unwrap()[0].is_wanted());
}

#[test]
fn an_instance_does_not_outlive_a_task_that_it_may_remember() {
    let bench = start(&["a"], Arc::default(), |_| ());
    bench.until_committed(ZERO, 1);
    assert_eq!(lock(&bench.world).instances, 1);
    lock(&bench.world).rebalances.push_back(Rebalance::Revoked(vec![ZERO]));
    bench.until("given up", |world| world.next.is_empty());
    let world = bench.stop();
    assert_eq!(lock(&world).instances, 2);
}
