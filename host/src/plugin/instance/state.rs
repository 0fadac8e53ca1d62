//! The task's state as an instance reaches it: read through both worlds' imports, written by events into what is pending.

use super::host::HostState;
use super::pending::Pending;
use super::scan::{ANSWER, ENTRY, Request, scan};
use crate::plugin::bindings::{state, state_reader, timers, types};
use crate::state::{Clock, State, StoreSpec};
use wasmill_contract::{MAX_KEY, MAX_VALUE, NULL, is_expired};
use wasmtime::bail;

/// What of an instance's data has to do with state.
pub(super) struct StateAccess {
    /// The task's, while a call is under way.
    pub(super) task: Option<Box<dyn State>>,
    /// What the wiring declared; none before it did.
    pub(super) stores: Vec<StoreSpec>,
    /// In the event world: what the call has written.
    pub(super) pending: Option<Pending>,
    /// Bytes that one event may write.
    most: usize,
    warned: bool,
}

impl StateAccess {
    pub(super) fn new(most: usize) -> StateAccess {
        StateAccess { task: None, stores: vec![], pending: None, most, warned: false }
    }

    fn pending(&mut self) -> wasmtime::Result<&mut Pending> {
        match &mut self.pending {
            Some(pending) if pending.bytes() > self.most => {
                bail!("one event wrote more than limits.output-bytes ({} bytes) of state", self.most)
            }
            Some(pending) => Ok(pending),
            None => bail!("a plugin of the world batch-plugin writes state by what it answers"),
        }
    }
}

type Answer<T> = wasmtime::Result<Result<T, state::Error>>;

impl HostState {
    /// Index of the store of this name, if there is a state that has it.
    fn store(&mut self, name: &str) -> Result<usize, state::Error> {
        let index = self.state.stores.iter().position(|store| store.name == name);
        if let Some(index) = index.filter(|_| self.state.task.is_some()) {
            return Ok(index);
        }
        if !std::mem::replace(&mut self.state.warned, true) {
            let message = match index {
                Some(_) => format!("it asked for the store {name:?} where there is no state"),
                None => format!("it asked for the store {name:?}, which its configure does not declare"),
            };
            self.printer.log(tracing::Level::WARN, &message, &[]);
        }
        Err(state::Error::NoSuchStore)
    }

    fn write(&mut self, store: &str, key: Vec<u8>, value: Option<&[u8]>) -> Answer<()> {
        let store = match self.store(store) {
            Ok(store) => store,
            Err(error) => return Ok(Err(error)),
        };
        for (length, most) in [(key.len(), MAX_KEY), (value.map_or(0, <[u8]>::len), MAX_VALUE)] {
            if length > most {
                return Ok(Err(state::Error::TooLarge(most as u64)));
            }
        }
        let at = self.call.stream_time;
        self.state.pending()?.write(store, key, value, at);
        Ok(Ok(()))
    }

    fn change_timer(&mut self, clock: types::Clock, key: &[u8], at: Option<i64>) -> wasmtime::Result<()> {
        if self.state.task.is_none() {
            bail!("it sets timers, which are kept with the stores, and declares no store");
        }
        if key.len() > MAX_KEY {
            bail!("a timer's key has {} bytes, where {MAX_KEY} are the most", key.len());
        }
        self.state.pending()?.set_timer(clock.into(), key, at);
        Ok(())
    }
}

impl state::Host for HostState {
    fn get(&mut self, store: String, key: Vec<u8>) -> Answer<Option<Vec<u8>>> {
        let store = match self.store(&store) {
            Ok(store) => store,
            Err(error) => return Ok(Err(error)),
        };
        if key.len() > MAX_KEY {
            return Ok(Err(state::Error::TooLarge(MAX_KEY as u64)));
        }
        let (now, ttl) = (self.call.stream_time, self.state.stores[store].ttl_ms);
        let StateAccess { task, pending, .. } = &mut self.state;
        let found = match (pending.as_ref().and_then(|pending| pending.get(store, &key)), task) {
            (Some((value, at)), _) => value.map(|value| (value, at)),
            (None, Some(task)) => task.get(store, &key)?,
            (None, None) => None,
        };
        Ok(Ok(found.filter(|(_, at)| !is_expired(*at, now, ttl)).map(|(value, _)| value.to_vec())))
    }

    fn set(&mut self, store: String, key: Vec<u8>, value: Vec<u8>) -> Answer<()> {
        self.write(&store, key, Some(&value))
    }

    fn delete(&mut self, store: String, key: Vec<u8>) -> Answer<()> {
        self.write(&store, key, None)
    }

    fn scan(
        &mut self,
        store: String,
        start: Vec<u8>,
        end: Vec<u8>,
        reverse: bool,
        limit: u32,
    ) -> Answer<Vec<state::Entry>> {
        let store = match self.store(&store) {
            Ok(store) => store,
            Err(error) => return Ok(Err(error)),
        };
        let (now, ttl) = (self.call.stream_time, self.state.stores[store].ttl_ms);
        let StateAccess { task: Some(task), pending, .. } = &mut self.state else { return Ok(Ok(vec![])) };
        let own = pending.as_ref().map_or(vec![], |pending| pending.range(store, &start, &end));
        let mut own: Vec<_> =
            own.into_iter().map(|(key, value, at)| (key, value.filter(|_| !is_expired(at, now, ttl)))).collect();
        if reverse {
            own.reverse();
        }
        let request = Request { store, start, end, reverse, limit };
        let mut entries = vec![];
        let add = |key: &[u8], value: &[u8], _| entries.push(state::Entry { key: key.to_vec(), value: value.to_vec() });
        scan(&mut **task, &request, own, |at| is_expired(at, now, ttl), add)?;
        Ok(Ok(entries))
    }
}

impl state_reader::Host for HostState {
    fn get_many(
        &mut self,
        store: u32,
        key_lengths: Vec<u32>,
        keys: Vec<u8>,
    ) -> wasmtime::Result<(Vec<i32>, Vec<u8>, Vec<i64>)> {
        if key_lengths.iter().map(|length| *length as usize).sum::<usize>() != keys.len() {
            bail!("it asked for keys of {} bytes, and their lengths add up to another number", keys.len());
        }
        let (mut lengths, mut data, mut times) = (Vec::with_capacity(key_lengths.len()), vec![], vec![]);
        let Some((task, spec)) = self.state.task(store)? else {
            return Ok((vec![NULL; key_lengths.len()], data, times));
        };
        let mut rest = keys.as_slice();
        for length in key_lengths {
            let (key, others) = rest.split_at(length as usize);
            rest = others;
            let found = task.get(store as usize, key)?;
            lengths.push(found.map_or(NULL, |(value, _)| value.len() as i32));
            if spec.ttl_ms.is_some() {
                times.push(found.map_or(0, |(_, at)| at));
            }
            data.extend_from_slice(found.map_or(&[], |(value, _)| value));
            if data.len() + lengths.len() * ENTRY >= ANSWER {
                break;
            }
        }
        Ok((lengths, data, times))
    }

    fn scan(
        &mut self,
        store: u32,
        start: Vec<u8>,
        end: Vec<u8>,
        reverse: bool,
        limit: u32,
    ) -> wasmtime::Result<(Vec<u32>, Vec<u32>, Vec<u8>, Vec<i64>)> {
        let (mut key_lengths, mut value_lengths, mut data, mut times) = (vec![], vec![], vec![], vec![]);
        let Some((task, spec)) = self.state.task(store)? else { return Ok((key_lengths, value_lengths, data, times)) };
        let request = Request { store: store as usize, start, end, reverse, limit };
        let add = |key: &[u8], value: &[u8], at| {
            key_lengths.push(key.len() as u32);
            value_lengths.push(value.len() as u32);
            data.extend_from_slice(key);
            data.extend_from_slice(value);
            if spec.ttl_ms.is_some() {
                times.push(at);
            }
        };
        scan(task, &request, vec![], |_| false, add)?;
        Ok((key_lengths, value_lengths, data, times))
    }
}

impl StateAccess {
    /// The task's state, and what the wiring says of the store of this number.
    fn task(&mut self, store: u32) -> wasmtime::Result<Option<(&mut dyn State, &StoreSpec)>> {
        let Some(task) = &mut self.task else { return Ok(None) };
        match self.stores.get(store as usize) {
            Some(spec) => Ok(Some((&mut **task, spec))),
            None => bail!("it asked for store number {store} of {} declared in the wiring", self.stores.len()),
        }
    }
}

impl timers::Host for HostState {
    fn set(&mut self, key: Vec<u8>, at: i64, clock: types::Clock) -> wasmtime::Result<()> {
        self.change_timer(clock, &key, Some(at.max(0)))
    }

    fn cancel(&mut self, key: Vec<u8>, clock: types::Clock) -> wasmtime::Result<()> {
        self.change_timer(clock, &key, None)
    }
}

impl From<types::Clock> for Clock {
    fn from(clock: types::Clock) -> Self {
        match clock {
            types::Clock::EventTime => Clock::EventTime,
            types::Clock::WallClock => Clock::WallClock,
        }
    }
}

impl From<Clock> for types::Clock {
    fn from(clock: Clock) -> Self {
        match clock {
            Clock::EventTime => types::Clock::EventTime,
            Clock::WallClock => types::Clock::WallClock,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::instance::Terms;
    use crate::plugin::output::{Gate, Label, Printer};
    use crate::state::MemoryState;
    use std::sync::Arc;

    /// The data of an instance with two stores, the second one with a TTL, that hold `entries`.
    fn host(entries: &[(usize, &str, &[u8], i64)]) -> HostState {
        let terms = Terms { memory: 1 << 20, deadline: None, transfer: 1 << 20, writes: 100, replayable: true };
        let label = Label { plugin: "p".into(), version: "1".into(), gate: Arc::new(Gate::new(0)) };
        let mut host = HostState::new(&terms, Printer::new(Arc::new(label)));
        let store = |name: &str, ttl_ms| StoreSpec { name: name.into(), ttl_ms, version: 0, keyed_by_event: false };
        host.state.stores = vec![store("plain", None), store("brief", Some(10))];
        let mut state = MemoryState::new(&host.state.stores);
        for (store, key, value, at) in entries {
            state.put(*store, key.as_bytes(), Some(value), *at).unwrap();
        }
        host.state.task = Some(Box::new(state));
        host.state.pending = Some(Pending::new(2));
        host
    }

    fn get_many(host: &mut HostState, store: u32, keys: &[&str]) -> (Vec<i32>, Vec<u8>, Vec<i64>) {
        let lengths = keys.iter().map(|key| key.len() as u32).collect();
        state_reader::Host::get_many(host, store, lengths, keys.concat().into_bytes()).unwrap()
    }

    #[test]
    fn many_keys_are_answered_with_times_where_there_is_a_ttl() {
        let mut host = host(&[(0, "a", b"1", 5), (0, "bb", b"", 6), (1, "a", b"22", 7)]);
        assert_eq!(get_many(&mut host, 0, &["bb", "x", "a"]), (vec![0, -1, 1], b"1".to_vec(), vec![]));
        // What is gone at the event at hand is the plugin's to tell: it knows the event.
        host.call.stream_time = 100;
        assert_eq!(get_many(&mut host, 1, &["a", "x"]), (vec![2, -1], b"22".to_vec(), vec![7, 0]));
        let scanned = state_reader::Host::scan(&mut host, 1, vec![], vec![], false, 9).unwrap();
        assert_eq!(scanned, (vec![1], vec![2], b"a22".to_vec(), vec![7]));
    }

    #[test]
    fn an_answer_for_many_keys_ends_with_the_one_that_fills_it() {
        let large = vec![0; 1 << 20];
        let names: Vec<String> = (0..9).map(|number| number.to_string()).collect();
        let entries: Vec<(usize, &str, &[u8], i64)> = names.iter().map(|name| (0, &**name, &*large, 0)).collect();
        let mut host = host(&entries);
        let keys: Vec<&str> = names.iter().map(String::as_str).collect();
        let (lengths, data, _) = get_many(&mut host, 0, &keys);
        assert_eq!((lengths, data.len()), (vec![1 << 20; 4], 4 << 20));
    }

    #[test]
    fn what_makes_no_sense_ends_the_call() {
        let mut host = host(&[]);
        let error = state_reader::Host::get_many(&mut host, 2, vec![1], b"a".to_vec()).unwrap_err();
        assert!(error.to_string().contains("store number 2 of 2 declared"), "{error}");
        let error = state_reader::Host::get_many(&mut host, 0, vec![2], b"a".to_vec()).unwrap_err();
        assert!(error.to_string().contains("add up to another number"), "{error}");
        host.state.pending = None;
        let error = state::Host::set(&mut host, "plain".into(), vec![], vec![]).unwrap_err();
        assert!(error.to_string().contains("writes state by what it answers"), "{error}");
    }

    #[test]
    fn without_a_state_the_batch_world_reads_nothing() {
        let mut host = host(&[]);
        host.state.task = None;
        assert_eq!(get_many(&mut host, 5, &["a", "b"]), (vec![-1, -1], vec![], vec![]));
        let scanned = state_reader::Host::scan(&mut host, 5, vec![], vec![], false, 9).unwrap();
        assert_eq!(scanned, (vec![], vec![], vec![], vec![]));
    }

    #[test]
    fn what_one_event_writes_is_bounded() {
        let mut host = host(&[]);
        let mut set = |value: usize| state::Host::set(&mut host, "plain".into(), b"k".to_vec(), vec![0; value]);
        assert!(matches!(set(50), Ok(Ok(()))));
        assert!(matches!(set(50), Ok(Ok(()))));
        let error = set(0).unwrap_err();
        assert!(error.to_string().contains("more than limits.output-bytes (100 bytes) of state"), "{error}");
    }
}
