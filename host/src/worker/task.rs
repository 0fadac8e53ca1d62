//! A task: the plugin on one partition number of its inputs, with the events that were polled for it and not handled yet.

use super::fire;
use super::opening::Opening;
use crate::event::{NO_TIME, Partition, Position};
use crate::state::{Clock, State};
use std::ops::Range;
use std::time::{Duration, Instant};
use wasmill_contract::Batch;

/// An input with so many events waiting no longer waits for an empty one, so that a task's memory stays bounded.
const MAX_WAITING: usize = 100_000;

/// One of a task's input partitions.
#[derive(Debug)]
pub struct Slot {
    /// Where its events come from.
    pub at: Partition,
    /// Polled events; those before `head` are handled.
    pub polled: Batch,
    /// The first event of `polled` that is not handled.
    pub head: usize,
    /// The next offset to handle: what a commit commits.
    pub position: i64,
    /// What the group has committed, or where the partition began.
    pub committed: i64,
    /// Events up to this offset, exclusive, are handled a few at a time, each time waiting for the broker's answer,
    /// because it refused an output of one of them.
    pub careful_until: i64,
    /// How many of them at a time.
    pub careful_events: usize,
}

impl Slot {
    fn new(start: Position, input: u32, topic: &str) -> Self {
        Slot {
            at: start.at,
            polled: Batch::new(start.at.number as u32, input, topic),
            head: 0,
            position: start.offset,
            committed: start.offset,
            careful_until: start.offset,
            careful_events: usize::MAX,
        }
    }

    /// Events that wait.
    pub fn waiting(&self) -> usize {
        self.polled.len() - self.head
    }

    fn head_timestamp(&self) -> Option<i64> {
        self.polled.timestamps.get(self.head).copied()
    }

    /// The first `count` waiting events are handled.
    pub fn advance(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        self.head += count;
        self.position = self.polled.offsets[self.head - 1] as i64 + 1;
        if self.head == self.polled.len() {
            self.polled.clear();
            self.head = 0;
        }
    }

    /// Forgets what was polled: it comes again from the committed offset.
    pub fn rewind(&mut self) {
        self.polled.clear();
        self.head = 0;
        self.position = self.committed;
    }

    /// Whether something was handled since the last commit.
    pub fn dirty(&self) -> bool {
        self.position != self.committed
    }

    /// Marks the event at `offset` as one of those that the broker refused an output of.
    pub fn beware(&mut self, offset: i64) {
        if self.position >= self.careful_until {
            self.careful_events = usize::MAX;
        }
        self.careful_until = self.careful_until.max(offset + 1);
    }

    /// How many events may be handled before the broker must have answered; None: as many as there are.
    pub fn careful(&self) -> Option<usize> {
        (self.position < self.careful_until).then_some(self.careful_events)
    }
}

/// Why a task waits before it goes on.
#[derive(Debug)]
pub struct Hold {
    /// When to try again.
    pub until: Instant,
    /// How often the event was tried.
    pub attempts: u32,
}

/// The plugin on one partition number.
pub struct Task {
    /// The partition number.
    pub number: i32,
    /// One an input topic that this worker owns the partition of.
    pub slots: Vec<Slot>,
    /// The greatest event timestamp seen, milliseconds since the Unix epoch.
    pub stream_time: i64,
    /// What it was at the last commit.
    pub committed_stream_time: i64,
    /// What it remembers; None: its plugin has no stores.
    pub state: Option<Box<dyn State>>,
    /// Set while its state is being opened: until then nothing of it is handled.
    pub opening: Option<Opening>,
    /// How many timers fire in one call.
    pub timers_at_once: usize,
    /// The broker refused an output of some timer: each time its answer is waited for.
    pub timers_carefully: bool,
    /// Set while a plugin's `retry` is waited for.
    pub hold: Option<Hold>,
    /// Since when an empty input has been waited for.
    idle_since: Option<Instant>,
}

impl Task {
    /// A task without inputs yet.
    pub fn new(number: i32) -> Self {
        Task {
            number,
            slots: Vec::new(),
            stream_time: NO_TIME,
            committed_stream_time: NO_TIME,
            state: None,
            opening: None,
            timers_at_once: fire::MOST,
            timers_carefully: false,
            hold: None,
            idle_since: None,
        }
    }

    /// Adds an input partition that begins at `start`.
    pub fn add(&mut self, start: Position, input: u32, topic: &str) {
        self.stream_time = self.stream_time.max(start.stream_time);
        self.committed_stream_time = self.stream_time;
        self.slots.push(Slot::new(start, input, topic));
        self.slots.sort_by_key(|slot| slot.at);
    }

    /// Whether the task is waiting: for a retry, or for its state.
    pub fn held(&self, now: Instant) -> bool {
        self.opening.is_some() || self.hold.as_ref().is_some_and(|hold| hold.until > now)
    }

    /// Whether something was done since the last commit.
    pub fn dirty(&self) -> bool {
        self.slots.iter().any(Slot::dirty) || self.state.as_ref().is_some_and(|state| state.is_dirty())
    }

    /// Shortens a run of a slot's events so that it ends where the next timer becomes due.
    pub fn until_timer(&self, slot: usize, run: Range<usize>, latest: i64) -> Range<usize> {
        let next = self.state.as_ref().and_then(|state| state.next_timer(Clock::EventTime));
        let Some(next) = next else { return run };
        let timestamps = &self.slots[slot].polled.timestamps[run.clone()];
        let due = timestamps.iter().position(|timestamp| (next..=latest).contains(timestamp));
        due.map_or(run.clone(), |due| run.start..run.start + due + 1)
    }

    /// The next run: a slot, and which of its polled events, at most `max`. With several inputs it is the smallest head
    /// timestamp's, as far as it stays the smallest; while one is empty, up to `max_idle` is waited for it.
    pub fn next_run(&mut self, max: usize, max_idle: Duration, now: Instant) -> Option<(usize, Range<usize>)> {
        let first = (0..self.slots.len()).filter(|index| self.slots[*index].waiting() > 0).min_by_key(|index| {
            let slot = &self.slots[*index];
            (slot.head_timestamp(), slot.at.topic)
        });
        let Some(first) = first else {
            self.idle_since = None;
            return None;
        };
        let must_go = self.slots[first].waiting() >= MAX_WAITING;
        if !max_idle.is_zero() && !must_go && self.slots.iter().any(|slot| slot.waiting() == 0) {
            let since = *self.idle_since.get_or_insert(now);
            if now.duration_since(since) < max_idle {
                return None;
            }
        } else {
            self.idle_since = None;
        }
        let slot = &self.slots[first];
        let most = slot.head..slot.head + slot.waiting().min(max);
        let others = self.slots.iter().filter(|other| other.at != slot.at).filter_map(Slot::head_timestamp);
        let end = match others.min() {
            None => most.end,
            // The head itself always goes; the rest as long as no other input's head is older.
            Some(limit) => {
                let rest = &slot.polled.timestamps[most.start + 1..most.end];
                most.start + 1 + rest.iter().take_while(|timestamp| **timestamp <= limit).count()
            }
        };
        Some((first, most.start..end))
    }

    /// Moves stream time by events that were handled. Timestamps after `latest` do not move it: one wrong clock would
    /// close every window.
    pub fn saw(&mut self, timestamps: &[i64], latest: i64) {
        let greatest = timestamps.iter().copied().filter(|timestamp| *timestamp <= latest).max();
        self.stream_time = self.stream_time.max(greatest.unwrap_or(i64::MIN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(inputs: &[&[i64]]) -> Task {
        let mut task = Task::new(0);
        for (topic, timestamps) in inputs.iter().enumerate() {
            task.add(
                Position { at: Partition { topic, number: 0 }, offset: 10, stream_time: NO_TIME },
                topic as u32,
                "topic",
            );
            for (offset, timestamp) in (10..).zip(*timestamps) {
                task.slots[topic].polled.push(offset, *timestamp, None, None, [].into_iter());
            }
        }
        task
    }

    /// The order in which a task hands out its events, as (input, timestamp).
    fn order(task: &mut Task) -> Vec<(usize, i64)> {
        let mut order = vec![];
        while let Some((slot, range)) = task.next_run(500, Duration::ZERO, Instant::now()) {
            order.extend(task.slots[slot].polled.timestamps[range.clone()].iter().map(|timestamp| (slot, *timestamp)));
            task.slots[slot].advance(range.len());
        }
        order
    }

    #[test]
    fn one_input_is_handed_out_in_order_of_offsets_whatever_the_timestamps() {
        assert_eq!(order(&mut task(&[&[5, 3, 9]])), [(0, 5), (0, 3), (0, 9)]);
    }

    #[test]
    fn several_inputs_are_merged_by_the_smallest_head_timestamp() {
        let mut task = task(&[&[1, 4, 5, 9], &[2, 3, 5, 7]]);
        let expected = [(0, 1), (1, 2), (1, 3), (0, 4), (0, 5), (1, 5), (1, 7), (0, 9)];
        assert_eq!(order(&mut task), expected);
    }

    #[test]
    fn an_empty_input_is_waited_for_as_long_as_configured() {
        let mut task = task(&[&[1], &[]]);
        let (start, idle) = (Instant::now(), Duration::from_millis(50));
        assert_eq!(task.next_run(500, idle, start), None);
        assert_eq!(task.next_run(500, idle, start + Duration::from_millis(49)), None);
        assert_eq!(task.next_run(500, idle, start + idle), Some((0, 0..1)));
    }

    #[test]
    fn the_position_follows_what_was_handled_and_a_rewind_goes_back_to_the_commit() {
        let mut task = task(&[&[1, 2, 3]]);
        let slot = &mut task.slots[0];
        slot.advance(2);
        assert_eq!((slot.position, slot.waiting()), (12, 1));
        slot.advance(1);
        assert_eq!((slot.position, slot.waiting(), slot.polled.len()), (13, 0, 0));
        slot.rewind();
        assert_eq!((slot.position, slot.waiting()), (10, 0));
    }

    #[test]
    fn an_event_from_the_future_does_not_move_stream_time() {
        let mut task = Task::new(0);
        task.saw(&[5, 1_000_000, 7], 100);
        assert_eq!(task.stream_time, 7);
        task.saw(&[6], 100);
        assert_eq!(task.stream_time, 7);
    }
}
