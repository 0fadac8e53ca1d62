//! The worker's loop.

use super::command::{Command, End, State, Status, Swapped};
use super::first::First;
use super::handle::Ended;
use super::lane::{Halt, Lane, Running};
use super::task::Hold;
use crate::event::{Reason, wall_clock};
use crate::kafka::edge::{Outlet, Source};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// The longest wait for an event: after it a worker looks at its commands, its timers and its commit.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// A swap waits for the commit that is due anyway, if that is so soon: one of its own would only hold events up once more.
const SOON: Duration = Duration::from_millis(200);

/// How often an idle worker updates its gauges.
const GAUGES_EVERY: Duration = Duration::from_secs(1);

/// Moves events on a thread of its own. It runs one lane today; whatever is said of "the" lane here holds for each.
pub struct Worker<S, O> {
    lane: Lane<S, O>,
    commands: Receiver<Command>,
    status: Arc<Status>,
    paused: bool,
    /// A module's instance that waits for a commit.
    next: Option<Next>,
    /// The last turn left events, or timers that are due.
    left: bool,
    gauges_at: Instant,
}

struct Next {
    running: Running,
    swapped: Swapped,
    since: Instant,
}

impl<S: Source, O: Outlet> Worker<S, O> {
    /// A worker that has not started. When the sender of `commands` is dropped it stops.
    pub fn new(lane: Lane<S, O>, commands: Receiver<Command>, status: Arc<Status>) -> Self {
        Worker { lane, commands, status, paused: false, next: None, left: false, gauges_at: Instant::now() }
    }

    /// Runs until told to stop, or until it can't go on. Then it has left its group, as far as brokers could be reached, and
    /// is of no more use; to drop it may wait for them.
    pub fn run(&mut self) -> End {
        let end = loop {
            match self.turn() {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break End::Stopped,
                Err(Halt::Failed(reason)) => break End::Failed(reason),
                Err(Halt::Broken(why) | Halt::RollBack(why)) => break End::Broken(why),
            }
        };
        self.lane.decline();
        // To leave the group may take as long as brokers are away; what the tasks remember is for whoever has them next.
        let partitions = self.lane.tasks.partitions();
        self.lane.tasks.remove(&partitions);
        self.lane.source.close();
        self.lane.gauges.clear();
        self.status.set_tasks(Vec::new());
        self.status.set_state(State::Ended);
        end
    }

    /// Once around: commands, events, calls, commit.
    fn turn(&mut self) -> Result<ControlFlow<()>, Halt> {
        loop {
            let command = match self.commands.try_recv() {
                Ok(command) => command,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => Command::Stop { give_up: Instant::now() },
            };
            if self.obey(command)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        // Events that are polled while others wait would only pile up; rebalances must be served.
        let (max, wait) = if self.left { (1, Duration::ZERO) } else { (self.lane.pace.events(), self.wait()) };
        let lane = &mut self.lane;
        if let Some(rebalance) = lane.poll(max, wait)? {
            lane.rebalance(rebalance)?;
            if self.paused {
                let partitions = self.lane.tasks.partitions();
                self.lane.source.pause(&partitions)?;
            }
            self.status.set_tasks(self.lane.tasks.list.iter().map(|task| task.number).collect());
            // Also one that gets no partition is a member of its group: there are more workers than partitions.
            if self.status.state() == State::Joining {
                self.status.set_state(State::Running);
            }
        }
        self.lane.take_states(!self.paused)?;
        let ran = if self.paused { Ok(false) } else { self.lane.handle_polled() };
        self.left = matches!(ran, Ok(true));
        self.lane.outlet.poll(Duration::ZERO);
        self.lane.check_outlet()?;
        match ran {
            Err(Halt::Failed(reason)) => {
                // What was handled before the event that stops the plugin is done: it must not come again.
                self.lane.commit()?;
                return Err(Halt::Failed(reason));
            }
            Err(Halt::RollBack(why)) => self.lane.roll_back(&why)?,
            ran => {
                ran?;
            }
        }
        let overdue = self.next.as_ref().is_some_and(|next| next.since.elapsed() >= SOON);
        let due = overdue || self.lane.is_commit_due();
        if due {
            self.lane.commit_in_passing()?;
        }
        // What leaves something has committed.
        if due || self.left {
            match self.next.take() {
                Some(next) => self.swap(next, Instant::now()),
                None => self.lane.refresh(),
            }
        }
        self.tell();
        Ok(ControlFlow::Continue(()))
    }

    fn obey(&mut self, command: Command) -> Result<ControlFlow<()>, Halt> {
        match command {
            Command::Swap { running, swapped } => {
                let since = Instant::now();
                let next = Next { running, swapped, since };
                let commit = self.lane.spec.commit_interval().saturating_sub(self.lane.last_commit.elapsed());
                if self.lane.dirty() && commit <= SOON {
                    self.next = Some(next);
                } else {
                    self.lane.commit()?;
                    self.swap(next, since);
                }
            }
            Command::Pause if !self.paused => {
                self.paused = true;
                let partitions = self.lane.tasks.partitions();
                self.lane.source.pause(&partitions)?;
                // Whoever is told that it is paused finds all that it has done.
                self.lane.commit()?;
            }
            Command::Resume if self.paused => {
                self.paused = false;
                // A task that waits to retry an event goes on when that is behind it.
                let tasks = self.lane.tasks.list.iter().filter(|task| task.hold.is_none() && task.opening.is_none());
                let partitions: Vec<_> = tasks.flat_map(|task| &task.slots).map(|slot| slot.at).collect();
                self.lane.source.resume(&partitions)?;
            }
            Command::Pause | Command::Resume => {}
            Command::Stop { give_up } => {
                self.lane.give_up = Some(give_up);
                self.lane.commit()?;
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Between two commits the module changes: what the old one sent is committed, what was polled is the new one's.
    /// Nothing was handled because of it since `began`.
    fn swap(&mut self, Next { running, swapped, .. }: Next, began: Instant) {
        self.tell_first();
        let old = std::mem::replace(&mut self.lane.running, running);
        self.lane.broke_in_a_row = 0;
        self.lane.first = First::default();
        // An event that the old module wanted again later may be just what the new one was made for.
        for task in &mut self.lane.tasks.list {
            if let Some(hold) = &mut task.hold {
                *hold = Hold { until: began, attempts: 0 };
            }
        }
        swapped(began.elapsed(), old);
    }

    /// How long the next poll may wait.
    fn wait(&self) -> Duration {
        let commit = self.lane.spec.commit_interval().saturating_sub(self.lane.last_commit.elapsed());
        let retry = self.lane.tasks.list.iter().filter_map(|task| task.hold.as_ref()).map(|hold| hold.until).min();
        let timer = self.lane.next_timer();
        let retry = retry.map_or(LONGEST_WAIT, |until| until.saturating_duration_since(Instant::now()));
        let wait = LONGEST_WAIT.min(retry).min(timer);
        if self.lane.dirty() { wait.min(commit) } else { wait }
    }

    fn tell(&mut self) {
        let tasks = &self.lane.tasks.list;
        let state = match () {
            () if self.paused => State::Paused,
            () if tasks.iter().any(|task| task.hold.is_some()) => State::Retrying,
            () if tasks.is_empty() && self.status.state() == State::Joining => State::Joining,
            () => State::Running,
        };
        self.status.set_state(state);
        self.tell_first();
        if self.gauges_at.elapsed() >= GAUGES_EVERY {
            self.gauges_at = Instant::now();
            self.lane.update_gauges();
        }
    }

    fn tell_first(&mut self) {
        let outputs = self.lane.first.take();
        if !outputs.is_empty() {
            self.status.add_first(&self.lane.running.version, outputs);
        }
    }
}

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Handles the events that were polled and may be handled now, up to a commit that becomes due meanwhile. Answers whether
    /// it left something for that.
    fn handle_polled(&mut self) -> Result<bool, Halt> {
        let tasks = self.tasks.list.len();
        for step in 0..tasks {
            let index = (self.next_task + step) % tasks;
            while self.handle_run(index)? {
                if self.is_commit_due() {
                    self.commit_in_passing()?;
                    // What waits may take long, and timers that set themselves anew for good: commands, rebalances and the other
                    // tasks come first.
                    self.next_task = index + 1;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Handles one task's next run; false if it has none for now.
    fn handle_run(&mut self, index: usize) -> Result<bool, Halt> {
        let now = Instant::now();
        let task = &mut self.tasks.list[index];
        if task.held(now) {
            return Ok(false);
        }
        if self.fire(index)? {
            return Ok(true);
        }
        let task = &mut self.tasks.list[index];
        if task.held(now) {
            return Ok(false);
        }
        // An event that is tried again goes alone: one after it that breaks the instance would cost it a try.
        let max = if task.hold.is_some() { 1 } else { self.pace.events() };
        let Some((slot_index, mut range)) = task.next_run(max, self.spec.config.max_task_idle, now) else {
            return Ok(false);
        };
        let wall = wall_clock();
        let latest = wall.saturating_add(self.spec.config.max_future.as_millis() as i64);
        range = task.until_timer(slot_index, range, latest);
        let careful = task.slots[slot_index].careful();
        if let Some(most) = careful {
            if self.open || self.dirty() {
                // Nothing else may be in its transaction: what is refused is taken back as a whole.
                self.commit()?;
                return Ok(!self.dirty());
            }
            range.end = range.end.min(range.start.saturating_add(most));
        }
        let task = &mut self.tasks.list[index];
        let slot = &mut task.slots[slot_index];
        let (at, start) = (slot.at, range.start);
        // The columns are taken out for the call, so that they can be borrowed while the lane is changed.
        let mut polled = std::mem::take(&mut slot.polled);
        (polled.now, polled.latest) = (wall, latest);
        (polled.stream_time, polled.behind) = (task.stream_time, start);
        let ran = if careful.is_some() {
            self.run_carefully(at, &mut polled, range)
        } else {
            self.run(at, &mut polled, range)
        };
        let handled = ran.as_ref().map_or(0, |ran| ran.handled);
        let task = &mut self.tasks.list[index];
        task.saw(&polled.timestamps[start..start + handled], latest);
        task.slots[slot_index].polled = polled;
        task.slots[slot_index].advance(handled);
        let stream_time = task.stream_time;
        if let Some(state) = &mut task.state {
            // What has expired by now is not there for the next run, nor for queries after the commit.
            state.advance(stream_time).map_err(super::commit::of_state)?;
        }
        let ran = ran?;
        if handled > 0 {
            self.release(index)?;
        }
        if careful.is_some() {
            self.commit()?;
        }
        match ran.ended {
            None => Ok(true),
            Some(Ended::Retry(reason)) => self.hold(index, slot_index, reason),
            Some(Ended::Stop(reason)) => Err(Halt::Failed(reason)),
        }
    }

    /// The task's next event is to be tried again later; after the last try the failure policy applies to it.
    fn hold(&mut self, index: usize, slot_index: usize, reason: Reason) -> Result<bool, Halt> {
        let retry = &self.spec.config.retry;
        let task = &mut self.tasks.list[index];
        let attempts = task.hold.as_ref().map_or(0, |hold| hold.attempts) + 1;
        if attempts < retry.attempts {
            let wait = retry.wait(attempts);
            let partitions: Vec<_> = task.slots.iter().map(|slot| slot.at).collect();
            let first = task.hold.is_none();
            task.hold = Some(Hold { until: Instant::now() + wait, attempts });
            if first {
                self.source.pause(&partitions)?;
            }
            return Ok(false);
        }
        let slot = &mut task.slots[slot_index];
        let (at, event) = (slot.at, slot.head);
        let polled = std::mem::take(&mut slot.polled);
        let message = format!("{} (tried {attempts} times)", reason.message);
        let failed = self.fail(at, &polled, event, "retry", &Reason { message, ..reason });
        let slot = &mut self.tasks.list[index].slots[slot_index];
        slot.polled = polled;
        match failed? {
            Some(Ended::Stop(reason) | Ended::Retry(reason)) => Err(Halt::Failed(reason)),
            None => {
                slot.advance(1);
                self.tally.events += 1;
                self.release(index)?;
                Ok(true)
            }
        }
    }

    /// The event that was waited for is behind the task.
    pub(super) fn release(&mut self, index: usize) -> Result<(), Halt> {
        let task = &mut self.tasks.list[index];
        if task.hold.take().is_some() {
            let partitions: Vec<_> = task.slots.iter().map(|slot| slot.at).collect();
            self.source.resume(&partitions)?;
        }
        Ok(())
    }
}
