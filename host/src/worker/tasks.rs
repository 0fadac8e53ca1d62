//! The tasks of a lane, and which of them a polled event belongs to.

use super::task::{Slot, Task};
use crate::event::{Partition, Position};
use crate::kafka::edge::Inbox;
use crate::state::State;
use wasmill_contract::Batch;

/// An input topic of a plugin. Its index in the lane's list is [`Partition::topic`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputTopic {
    /// Index into the wiring's inputs.
    pub input: u32,
    /// The topic's name.
    pub topic: String,
}

/// The tasks that a worker owns now.
pub struct Tasks {
    /// In order of their partition numbers.
    pub list: Vec<Task>,
    topics: Vec<InputTopic>,
    /// `places[topic][partition number]`: task and slot of an owned partition. An event finds its columns by two
    /// look-ups, without a hash.
    places: Vec<Vec<Option<(usize, usize)>>>,
}

impl Tasks {
    /// No tasks yet.
    pub fn new(topics: Vec<InputTopic>) -> Self {
        Tasks { list: Vec::new(), places: vec![Vec::new(); topics.len()], topics }
    }

    /// Takes partitions in, each to begin at its position.
    pub fn add(&mut self, starts: &[Position]) {
        for start in starts {
            let topic = &self.topics[start.at.topic];
            let index = match self.list.binary_search_by_key(&start.at.number, |task| task.number) {
                Ok(index) => index,
                Err(index) => {
                    self.list.insert(index, Task::new(start.at.number));
                    index
                }
            };
            self.list[index].slots.retain(|slot| slot.at != start.at);
            self.list[index].add(*start, topic.input, &topic.topic);
        }
        self.place();
    }

    /// Gives partitions up, with whatever was polled of them.
    pub fn remove(&mut self, partitions: &[Partition]) {
        for task in &mut self.list {
            task.slots.retain(|slot| !partitions.contains(&slot.at));
        }
        self.list.retain(|task| !task.slots.is_empty());
        self.place();
    }

    /// What the task of a partition number remembers; None: it is not ours, or its plugin has no stores.
    pub fn state(&mut self, number: i32) -> Option<&mut Option<Box<dyn State>>> {
        let index = self.list.binary_search_by_key(&number, |task| task.number).ok()?;
        Some(&mut self.list[index].state)
    }

    /// Every owned input partition.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.list.iter().flat_map(|task| &task.slots)
    }

    /// The same, to change.
    pub fn slots_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.list.iter_mut().flat_map(|task| &mut task.slots)
    }

    /// The slot of a partition, if it is ours.
    pub fn slot(&self, at: Partition) -> Option<&Slot> {
        self.slots().find(|slot| slot.at == at)
    }

    /// The partitions that are ours.
    pub fn partitions(&self) -> Vec<Partition> {
        self.slots().map(|slot| slot.at).collect()
    }

    fn place(&mut self) {
        self.places.iter_mut().for_each(Vec::clear);
        for (task_index, task) in self.list.iter().enumerate() {
            for (slot_index, slot) in task.slots.iter().enumerate() {
                let places = &mut self.places[slot.at.topic];
                let number = slot.at.number as usize;
                if places.len() <= number {
                    places.resize(number + 1, None);
                }
                places[number] = Some((task_index, slot_index));
            }
        }
    }
}

impl Inbox for Tasks {
    fn columns(&mut self, at: Partition) -> Option<&mut Batch> {
        let (task, slot) = (*self.places.get(at.topic)?.get(usize::try_from(at.number).ok()?)?)?;
        Some(&mut self.list[task].slots[slot].polled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(topic: usize, number: i32) -> Partition {
        Partition { topic, number }
    }

    fn tasks() -> Tasks {
        let topic = |input, topic: &str| InputTopic { input, topic: topic.into() };
        let mut tasks = Tasks::new(vec![topic(0, "orders"), topic(1, "clients")]);
        let starts = [at(0, 2), at(1, 2), at(0, 0), at(1, 0)].map(|at| Position {
            at,
            offset: 7,
            stream_time: crate::event::NO_TIME,
        });
        tasks.add(&starts);
        tasks
    }

    #[test]
    fn partitions_of_one_number_are_one_task() {
        let tasks = tasks();
        let numbers: Vec<_> = tasks.list.iter().map(|task| (task.number, task.slots.len())).collect();
        assert_eq!(numbers, [(0, 2), (2, 2)]);
        assert_eq!(tasks.slot(at(1, 2)).unwrap().polled.topic, "clients");
    }

    #[test]
    fn an_event_finds_its_columns_and_one_of_a_foreign_partition_finds_none() {
        let mut tasks = tasks();
        assert_eq!(tasks.columns(at(1, 2)).unwrap().partition, 2);
        assert_eq!(tasks.columns(at(1, 2)).unwrap().input, 1);
        assert!(tasks.columns(at(0, 1)).is_none());
        tasks.remove(&[at(0, 2), at(1, 2)]);
        assert!(tasks.columns(at(1, 2)).is_none());
        assert_eq!(tasks.columns(at(0, 0)).unwrap().topic, "orders");
    }
}
