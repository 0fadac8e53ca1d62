//! The open windows of a key: one entry of a store.

use super::spec::{Shape, Spec, starts};
use serde::{Deserialize, Serialize};

/// What is kept of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept<V> {
    /// In the order of their beginnings.
    pub(crate) windows: Vec<Open<V>>,
    /// The time for which a timer is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wakes: Option<i64>,
}

/// A window that is not closed yet; its end is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Open<V> {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) value: V,
}

impl<V> Default for Kept<V> {
    fn default() -> Self {
        Kept { windows: vec![], wakes: None }
    }
}

impl<V> Kept<V> {
    /// Takes out what is closed.
    pub(crate) fn close(&mut self, spec: &Spec, stream_time: i64) -> Vec<Open<V>> {
        if !self.windows.iter().any(|window| spec.is_closed(window.end, stream_time)) {
            return vec![];
        }
        let (closed, open) =
            self.windows.drain(..).partition(|window: &Open<V>| spec.is_closed(window.end, stream_time));
        self.windows = open;
        closed
    }

    /// When the first of them closes.
    pub(crate) fn next_close(&self, spec: &Spec) -> Option<i64> {
        self.windows.iter().map(|window| spec.closes(window.end)).min()
    }
}

impl<V: Default> Kept<V> {
    /// Has `change` change every open window that a time is in, and answers their beginnings; none if all of them are
    /// closed. What is closed must have been taken out.
    pub(crate) fn add(
        &mut self,
        spec: &Spec,
        time: i64,
        stream_time: i64,
        merge: fn(&mut V, V),
        change: impl FnMut(&mut V),
    ) -> Vec<i64> {
        match spec.shape {
            Shape::Fixed { size, every } => {
                let windows = starts(time, size, every).map(|start| (start, start.saturating_add(size)));
                let open = windows.filter(|(_, end)| !spec.is_closed(*end, stream_time));
                self.add_to_fixed(open, change)
            }
            Shape::Session { gap } => {
                let session = (time, time.saturating_add(gap));
                self.add_to_session(session, spec.is_closed(session.1, stream_time), merge, change)
            }
        }
    }

    fn add_to_fixed(&mut self, windows: impl Iterator<Item = (i64, i64)>, mut change: impl FnMut(&mut V)) -> Vec<i64> {
        let mut changed = vec![];
        for (start, end) in windows {
            let place = self.windows.binary_search_by_key(&start, |window| window.start);
            let index = place.unwrap_or_else(|index| {
                self.windows.insert(index, Open { start, end, value: V::default() });
                index
            });
            change(&mut self.windows[index].value);
            changed.push(start);
        }
        changed
    }

    /// An event joins all sessions that it is less than a gap away from; alone it makes one, unless that is closed.
    fn add_to_session(
        &mut self,
        (start, end): (i64, i64),
        closed: bool,
        merge: fn(&mut V, V),
        mut change: impl FnMut(&mut V),
    ) -> Vec<i64> {
        let first = self.windows.partition_point(|window| window.end <= start);
        let last = self.windows.partition_point(|window| window.start < end);
        if first == last && closed {
            return vec![];
        }
        let mut joined = self.windows.drain(first..last);
        let mut session = joined.next().unwrap_or(Open { start, end, value: V::default() });
        for other in joined {
            session.end = other.end;
            merge(&mut session.value, other.value);
        }
        (session.start, session.end) = (session.start.min(start), session.end.max(end));
        change(&mut session.value);
        let start = session.start;
        self.windows.insert(first, session);
        vec![start]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is open after these events, each with its own stream time: start, end and the times that were added.
    fn open(spec: Spec, events: &[(i64, i64)]) -> Vec<(i64, i64, Vec<i64>)> {
        let mut kept: Kept<Vec<i64>> = Kept::default();
        for (time, stream_time) in events {
            kept.close(&spec, *stream_time);
            kept.add(&spec, *time, *stream_time, |one, other| one.extend(other), |times| times.push(*time));
        }
        kept.windows.into_iter().map(|window| (window.start, window.end, window.value)).collect()
    }

    #[test]
    fn an_event_is_in_each_window_that_is_still_open() {
        let spec = Spec { grace: 5, ..Spec::new(Shape::Fixed { size: 10, every: 5 }) };
        assert_eq!(open(spec, &[(7, 7)]), [(0, 10, vec![7]), (5, 15, vec![7])]);
        assert_eq!(open(spec, &[(7, 14)]), [(0, 10, vec![7]), (5, 15, vec![7])]);
        assert_eq!(open(spec, &[(7, 15)]), [(5, 15, vec![7])]);
        assert_eq!(open(spec, &[(7, 20)]), []);
    }

    #[test]
    fn sessions_grow_join_and_are_apart_by_a_gap() {
        let spec = Spec::new(Shape::Session { gap: 10 });
        assert_eq!(open(spec, &[(0, 0), (9, 9)]), [(0, 19, vec![0, 9])]);
        assert_eq!(open(spec, &[(10, 5), (0, 5)]), [(0, 10, vec![0]), (10, 20, vec![10])]);
        let joined = [(0, 19), (18, 19), (9, 19)];
        let patient = Spec { grace: 100, ..spec };
        assert_eq!(open(patient, &joined), [(0, 28, vec![0, 18, 9])]);
        assert_eq!(open(patient, &[(20, 20), (11, 20)]), [(11, 30, vec![20, 11])]);
        // Alone it would be closed; the session that it joins is not.
        assert_eq!(open(spec, &[(5, 5), (2, 13)]), [(2, 15, vec![5, 2])]);
        assert_eq!(open(spec, &[(2, 13)]), []);
    }
}
