//! What a call does to a task's state, with a guest that answers what the test says.

use super::*;
use crate::state::{Clock, MemoryState, Range, StateError, StoreSpec};
use crate::worker::handle::Ran;
use crate::worker::lane::Halt;

/// An event's value is a list of commands: `KEY=VALUE` writes, `@KEY=TIME` sets a timer on event time, `reject` fails it,
/// `trap` and `state` break the instance, `huge` writes too much, `send` has an output that can't be sent. Like a batch plugin with a cache it writes each key once a
/// call, as the last of its events did, and ends the run when a timer is due that it has set.
struct Scripted {
    world: Shared,
    /// Instances see what they believe to have written, whatever became of it.
    believed: BTreeMap<String, String>,
}

impl Guest for Scripted {
    fn process(&mut self, batch: &mut Batch, state: &mut Option<Box<dyn State>>) -> Outcome {
        let state = state.as_mut().unwrap();
        let values: Vec<String> =
            batch.events().map(|event| String::from_utf8_lossy(event.value.unwrap()).into_owned()).collect();
        lock(&self.world).calls.push(values.clone());
        let mut answer = Answer::default();
        let mut dirty: BTreeMap<String, (u32, String)> = BTreeMap::new();
        let mut earliest = i64::MAX;
        for (source, value) in (0..).zip(&values) {
            answer.done += 1;
            for command in value.split(' ') {
                match command {
                    "trap" | "state" => {
                        let broke = Broke { reason: Reason::new(command, "told to"), culprit_known: false };
                        return Outcome { answer: Answer::default(), broke: Some(broke) };
                    }
                    "reject" => answer.failures.push((source, Failure::Reject(Reason::new("bad", "told to")))),
                    "send" => {
                        let value = b"too large";
                        answer.sources.push(source);
                        answer.sinks.push(0);
                        answer.key_lengths.push(SAME);
                        answer.value_lengths.push(value.len() as i32);
                        answer.data.extend_from_slice(value);
                    }
                    "huge" => drop(dirty.insert("huge".into(), (source, "x".repeat(1 << 20)))),
                    command => match command.split_once('=') {
                        Some((key, at)) if key.starts_with('@') => {
                            let at = at.parse().unwrap();
                            answer.timers.push(source, Clock::EventTime, key.as_bytes(), Some(at));
                            earliest = earliest.min(at);
                        }
                        // Adds to what is there, so that a lost write shows.
                        Some((key, value)) => {
                            let before = self.believed.entry(key.into()).or_insert_with(|| {
                                let kept = state.get(0, key.as_bytes()).unwrap();
                                kept.map_or(String::new(), |(value, _)| String::from_utf8(value.into()).unwrap())
                            });
                            before.push_str(value);
                            dirty.insert(key.into(), (source, before.clone()));
                        }
                        None => {}
                    },
                }
            }
            if earliest <= batch.stream_time_before(source as usize + 1) {
                break;
            }
        }
        let mut writes: Vec<_> = dirty.into_iter().collect();
        writes.sort_by_key(|(_, (source, _))| *source);
        for (key, (source, value)) in writes {
            answer.writes.push(source, 0, key.as_bytes(), Some(value.as_bytes()));
        }
        Outcome { answer, broke: None }
    }

    fn timers(&mut self, _: TimerTask, _: &[Timer], _: &mut Option<Box<dyn State>>) -> Outcome {
        unreachable!("no timer fires here")
    }

    fn memory_bytes(&self) -> usize {
        0
    }
}

struct Script(Shared);

impl Spawn for Script {
    fn spawn(&self) -> Result<Box<dyn Guest>, Reason> {
        lock(&self.0).instances += 1;
        Ok(Box::new(Scripted { world: self.0.clone(), believed: BTreeMap::new() }))
    }
}

fn stores() -> Vec<StoreSpec> {
    vec![StoreSpec { name: "notes".into(), ttl_ms: None, version: 0, keyed_by_event: false }]
}

/// A lane with one task, whose state is `state`.
fn lane(state: Box<dyn State>, on_failure: OnFailure) -> (Lane<FakeSource, FakeOutlet>, Shared) {
    let world = Shared::default();
    let spawn: Arc<dyn Spawn> = Arc::new(Script(world.clone()));
    let guest = spawn.spawn().unwrap();
    let spec = LaneSpec {
        plugin: "fake".into(),
        inputs: vec![InputTopic { input: 0, topic: "in".into() }],
        sinks: vec![false],
        stores: stores(),
        config: Arc::new(PluginConfig { on_failure, ..PluginConfig::default() }),
        exactly_once: false,
        keeps_changelog: false,
    };
    let metrics = Metrics::new().plugin("fake");
    let gauges = metrics.worker(0);
    let running = Running { version: "1".into(), spawn, guest };
    let mut lane =
        Lane::new(spec, FakeSource(world.clone()), FakeOutlet(world.clone(), false), running, metrics, gauges);
    lane.tasks.add(&[Position { at: ZERO, offset: 0, stream_time: NO_TIME }]);
    lane.tasks.list[0].state = Some(state);
    (lane, world)
}

/// Events a second apart, from 1000 on; the first is behind the task.
fn events(values: &[&str]) -> Batch {
    let mut batch = Batch::new(0, 0, "in");
    batch.behind = 1;
    for (offset, value) in (0..).zip([&[""], values].concat()) {
        batch.push(offset, 1000 * offset as i64, Some(b"k"), Some(value.as_bytes()), [].into_iter());
    }
    batch
}

fn run(lane: &mut Lane<FakeSource, FakeOutlet>, values: &[&str]) -> Result<Ran, Halt> {
    lane.run(ZERO, &mut events(values), 1..values.len() + 1)
}

/// The state's entries with the times of their last writes, and its next timer.
fn kept(lane: &mut Lane<FakeSource, FakeOutlet>) -> (Vec<String>, Option<i64>) {
    let state = lane.tasks.list[0].state.as_mut().unwrap();
    let mut entries = vec![];
    let all = Range { start: b"", end: b"", reverse: false, limit: 100 };
    let text = |bytes: &[u8]| String::from_utf8(bytes.into()).unwrap();
    state.scan(0, all, &mut |key, value, at| entries.push(format!("{}={}@{at}", text(key), text(value)))).unwrap();
    (entries, state.next_timer(Clock::EventTime))
}

fn memory() -> Box<dyn State> {
    Box::new(MemoryState::new(&stores()))
}

#[test]
fn what_events_write_is_in_the_state_at_their_stream_time() {
    let (mut lane, world) = lane(memory(), OnFailure::Skip);
    let ran = run(&mut lane, &["a=1", "b=2 @t=9000", "reject", "a=3", ""]).unwrap();
    assert_eq!(ran.handled, 5);
    assert_eq!(kept(&mut lane), (vec!["a=13@4000".into(), "b=2@2000".into()], Some(9000)));
    assert_eq!(lock(&world).instances, 1, "an event that the plugin failed itself costs no instance");
}

#[test]
fn a_run_ends_where_a_timer_is_due_before_the_rest() {
    let (mut lane, _) = lane(memory(), OnFailure::Skip);
    let ran = run(&mut lane, &["a=1 @t=3000", "a=2", "a=3", "a=4"]).unwrap();
    assert_eq!((ran.handled, ran.ended.is_none()), (3, true));
    assert_eq!(kept(&mut lane), (vec!["a=123@3000".into()], Some(3000)));
}

#[test]
fn a_run_that_is_split_ends_where_a_timer_is_due_before_the_rest() {
    let (mut lane, world) = lane(memory(), OnFailure::Skip);
    let ran = run(&mut lane, &["a=1 @t=2000", "trap", "a=2", "a=3"]).unwrap();
    assert_eq!((ran.handled, ran.ended.is_none()), (2, true));
    assert_eq!(kept(&mut lane), (vec!["a=1@1000".into()], Some(2000)));
    assert_eq!(lock(&world).calls.len(), 4, "the half after the trap has to wait for the timer");
}

#[test]
fn an_event_that_the_host_fails_takes_nothing_of_its_neighbours_with_it() {
    let (mut lane, world) = lane(memory(), OnFailure::Skip);
    let ran = run(&mut lane, &["a=1", "a=2 huge", "a=3"]).unwrap();
    assert_eq!((ran.handled, ran.ended.is_none()), (3, true));
    assert_eq!(kept(&mut lane).0, ["a=13@3000"]);
    let world = lock(&world);
    assert_eq!(world.calls, [vec!["a=1", "a=2 huge", "a=3"], vec!["a=1"], vec!["a=2 huge"], vec!["a=3"]]);
    assert_eq!(world.instances, 3, "none goes on that believes what was not done");
}

#[test]
fn an_event_whose_output_cannot_be_sent_is_found_from_the_last_commit_on() {
    let (mut lane, world) = lane(memory(), OnFailure::Skip);
    let Err(Halt::RollBack(_)) = run(&mut lane, &["a=1", "a=2 send", "a=3"]) else { panic!("it should go back") };
    let offsets: Vec<_> = lane.refused.iter().map(|refused| refused.token & 0xff).collect();
    assert_eq!((offsets, kept(&mut lane).0.len()), (vec![2], 0));
    let ran = run(&mut lane, &["a=2 send"]).unwrap();
    assert_eq!((ran.handled, kept(&mut lane).0.len()), (1, 0), "alone it fails, and has written nothing");
    assert_eq!(lock(&world).instances, 2);
}

#[test]
fn with_the_policy_stop_what_came_before_the_event_is_in_the_state_and_nothing_after_it() {
    let (mut lane, _) = lane(memory(), OnFailure::Stop);
    let ran = run(&mut lane, &["a=1", "b=1", "reject", "a=2"]).unwrap();
    assert_eq!((ran.handled, ran.ended.is_some()), (2, true));
    assert_eq!(kept(&mut lane).0, ["a=1@1000", "b=1@2000"]);
}

#[test]
fn a_state_that_cannot_be_read_is_nobodys_fault() {
    let (mut lane, world) = lane(memory(), OnFailure::DeadLetter);
    let Err(Halt::Broken(why)) = run(&mut lane, &["a=1", "state"]) else { panic!("it should start again") };
    assert_eq!(why, "told to");
    assert_eq!((kept(&mut lane).0.len(), lock(&world).sent.len()), (0, 0));
}

/// Takes no write.
struct Full(MemoryState);

impl State for Full {
    fn advance(&mut self, stream_time: i64) -> Result<(), StateError> {
        self.0.advance(stream_time)
    }
    fn get(&mut self, store: usize, key: &[u8]) -> Result<Option<(&[u8], i64)>, StateError> {
        self.0.get(store, key)
    }
    fn scan(&mut self, store: usize, range: Range<'_>, each: crate::state::Entry<'_>) -> Result<(), StateError> {
        self.0.scan(store, range, each)
    }
    fn put(&mut self, _: usize, _: &[u8], _: Option<&[u8]>, _: i64) -> Result<(), StateError> {
        Err(StateError("the disk is full".into()))
    }
    fn set_timer(&mut self, clock: Clock, key: &[u8], at: Option<i64>) {
        self.0.set_timer(clock, key, at);
    }
    fn due(&self, stream_time: i64, wall_clock: i64, most: usize) -> Vec<Timer> {
        self.0.due(stream_time, wall_clock, most)
    }
    fn next_timer(&self, clock: Clock) -> Option<i64> {
        self.0.next_timer(clock)
    }
    fn is_dirty(&self) -> bool {
        self.0.is_dirty()
    }
    fn dirty_bytes(&self) -> usize {
        self.0.dirty_bytes()
    }
    fn changes(
        &self,
        each: &mut dyn FnMut(crate::state::Change<'_>) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        self.0.changes(each)
    }
    fn commit(&mut self, changelog_end: Option<i64>) {
        self.0.commit(changelog_end);
    }
    fn abort(&mut self) {
        self.0.abort();
    }
}

#[test]
fn a_state_that_cannot_be_written_breaks_the_worker() {
    let (mut lane, _) = lane(Box::new(Full(MemoryState::new(&stores()))), OnFailure::DeadLetter);
    let Err(Halt::Broken(why)) = run(&mut lane, &["a=1"]) else { panic!("it should start again") };
    assert!(why.contains("the disk is full"), "{why}");
}
