package wasmill

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

const (
	// kept is how many bytes of entries an instance may keep from one call to the next, in all of its stores: a quarter of
	// the memory that it may have unless configured.
	kept = 16 << 20
	// overhead is what an entry takes besides its key and value: a guess on the safe side.
	overhead = 160
	// again: looked for twice or more.
	again = 2

	longestKey   = 64 << 10
	longestValue = 1<<20 - longestKey - 2<<10
)

type declaredStore struct {
	index        uint32
	name         string
	ttl          int64 // In milliseconds; 0 is none.
	version      uint32
	keyedByEvent bool
}

// isExpired says whether an entry that was last written at one stream time is gone at another.
func (s *declaredStore) isExpired(written, streamTime int64) bool {
	if s.ttl == 0 {
		return false
	}
	gone := written + s.ttl
	if gone < written {
		gone = math.MaxInt64
	}
	return gone <= streamTime
}

// anyStore is what an instance does with a store, whatever its values are.
type anyStore interface {
	declared() *declaredStore
	// begin: a call for a task begins.
	begin(partition uint32)
	// keep: the event at hand is done.
	keep()
	// takeBack: the event at hand failed; it has written nothing.
	takeBack()
	// dirty adds the entries that the call has written.
	dirty(into []dirtyEntry) []dirtyEntry
	// put writes one of them into the answer.
	put(index int, into *writes)
	// end: the call is over, and entries may take so many bytes.
	end(budget int)
}

type dirtyEntry struct {
	source uint32
	store  anyStore
	index  int
}

// answerWrites puts what a call has written into the answer: each entry once, as the last event left it.
func answerWrites(stores []anyStore, into *answer) {
	if len(stores) == 0 {
		return
	}
	var all []dirtyEntry
	for _, store := range stores {
		all = store.dirty(all)
	}
	slices.SortStableFunc(all, func(one, other dirtyEntry) int { return cmp.Compare(one.source, other.source) })
	for _, entry := range all {
		entry.store.put(entry.index, &into.writes)
	}
	for _, store := range stores {
		store.end(kept / len(stores))
	}
}

// slots is what an instance knows of a store's entries.
type slots[T any] struct {
	spec  declaredStore
	codec codec[T]
	// tasks has the entries by partition number: a worker has few.
	tasks map[uint32]map[string]*slot[T]
	task  map[string]*slot[T]
	all   []*slot[T]
	// written has the entries of this call, in the order of their first writes.
	written []*slot[T]
	journal []undo[T]
	bytes   int
	// hand is the entry that is looked at next when something has to be forgotten.
	hand int
	// fetched: in this call, the keys of events up to here were fetched.
	fetched int
}

// slot is an entry.
type slot[T any] struct {
	key  string
	task map[string]*slot[T]
	held[T]
	// journaled: written by the event at hand.
	journaled bool
	// used is how often it was looked for, up to again; one less each time that the hand comes by.
	used    uint8
	counted int
}

// held is what an entry is at a time.
type held[T any] struct {
	present bool
	value   T
	// encoded is there if values share memory, or if it cannot be read.
	encoded []byte
	bad     error
	// at is the stream time of the last write.
	at     int64
	source uint32
	// dirty: written in this call.
	dirty bool
}

type undo[T any] struct {
	slot *slot[T]
	was  held[T]
}

func (s *slots[T]) declared() *declaredStore { return &s.spec }

func (s *slots[T]) begin(partition uint32) {
	s.fetched = 0
	if s.tasks == nil {
		s.tasks = map[uint32]map[string]*slot[T]{}
	}
	if s.tasks[partition] == nil {
		s.tasks[partition] = map[string]*slot[T]{}
	}
	s.task = s.tasks[partition]
}

// find is the entry of a key, from the host unless it is known.
func (s *slots[T]) find(c *Context, key []byte) (*slot[T], error) {
	if found := s.task[string(key)]; found != nil {
		found.used = min(found.used+1, again)
		return found, nil
	}
	if len(key) > longestKey {
		return nil, Reject("long-key", "a key for a store has %d bytes, and %d are the most", len(key), longestKey)
	}
	wanted := s.expect(key)
	wanted.used = 1
	asked := []*slot[T]{wanted}
	if s.spec.keyedByEvent && len(c.run.keyLengths) > 0 {
		asked = s.expectThoseThatFollow(c, asked)
	}
	s.fetch(asked)
	return wanted, nil
}

// expectThoseThatFollow adds the keys that the next events will ask for: a call of the host's costs as much as a short event.
func (s *slots[T]) expectThoseThatFollow(c *Context, asked []*slot[T]) []*slot[T] {
	data := c.run.data
	for index, length := range c.run.keyLengths {
		key := takeBytes(&data, int(max(length, 0)))
		takeBytes(&data, int(max(c.run.valueLengths[index], 0)))
		known := index <= int(c.source) || index < s.fetched || length < 0 || length > longestKey || s.task[string(key)] != nil
		if !known {
			asked = append(asked, s.expect(key))
		}
	}
	s.fetched = len(c.run.keyLengths)
	return asked
}

// expect makes a place for an entry that is not known.
func (s *slots[T]) expect(key []byte) *slot[T] {
	made := &slot[T]{key: string(key), task: s.task}
	made.at = math.MinInt64
	s.task[made.key] = made
	s.all = append(s.all, made)
	return made
}

// fetch fills in the entries; those that the host left out, never the first one, are unknown again.
func (s *slots[T]) fetch(asked []*slot[T]) {
	lengths := make([]uint32, len(asked))
	var keys []byte
	for index, slot := range asked {
		lengths[index] = uint32(len(slot.key))
		keys = append(keys, slot.key...)
	}
	values := theHost.getMany(s.spec.index, lengths, keys)
	for index, length := range values.lengths {
		slot := asked[index]
		size := 0
		if length >= 0 {
			size = int(length)
			s.take(slot, takeBytes(&values.data, size))
			if index < len(values.written) {
				slot.at = values.written[index]
			}
		}
		s.count(slot, size)
	}
	for range asked[len(values.lengths):] {
		// They were added in this order, and nothing since.
		s.letGo(len(s.all) - 1)
		s.fetched = 0
	}
}

func (s *slots[T]) take(slot *slot[T], text []byte) {
	slot.present = true
	if s.codec.shared {
		slot.encoded = text
		return
	}
	if slot.bad = s.codec.decode(text, &slot.value); slot.bad != nil {
		slot.encoded = text
	}
}

func (s *slots[T]) count(slot *slot[T], size int) {
	bytes := len(slot.key) + size + overhead
	s.bytes += bytes - slot.counted
	slot.counted = bytes
}

// letGo forgets an entry.
func (s *slots[T]) letGo(index int) {
	gone, last := s.all[index], len(s.all)-1
	delete(gone.task, gone.key)
	s.bytes -= gone.counted
	s.all[index], s.all[last] = s.all[last], nil
	s.all = s.all[:last]
}

// read is the entry's value at a stream time.
func (s *slots[T]) read(slot *slot[T], streamTime int64) (value T, found bool, err error) {
	if !slot.present || s.spec.isExpired(slot.at, streamTime) {
		return value, false, nil
	}
	if slot.bad != nil {
		return value, false, s.unreadable(slot.key, slot.bad)
	}
	if !s.codec.shared {
		return slot.value, true, nil
	}
	if err := s.codec.decode(slot.encoded, &value); err != nil {
		return value, false, s.unreadable(slot.key, err)
	}
	return value, true, nil
}

// unreadable: what is in the store was written by another plugin than this one takes itself for. No event can help it.
func (s *slots[T]) unreadable(key string, err error) *Failure {
	return Stop("unreadable-state", "what the store %q has under the key %q does not fit: %v. A store whose values changed their "+
		"form needs a form that reads the old ones as well, or another name", s.spec.name, key, err)
}

// write writes the entry, or with nil deletes it.
func (s *slots[T]) write(c *Context, slot *slot[T], value *T) error {
	next := held[T]{present: value != nil, at: c.streamTime, source: c.source, dirty: true}
	if value != nil && s.codec.shared {
		text, err := s.codec.encode(value, nil)
		if err != nil {
			return Reject("not-json", "a value for the store %q cannot be written as JSON: %v", s.spec.name, err)
		}
		next.encoded = text
	} else if value != nil {
		next.value = *value
	}
	if len(next.encoded) > longestValue {
		return Reject("long-value", "a value for the store %q has %d bytes, and %d are the most", s.spec.name, len(next.encoded), longestValue)
	}
	if !slot.journaled {
		slot.journaled = true
		s.journal = append(s.journal, undo[T]{slot, slot.held})
	}
	if !slot.dirty {
		s.written = append(s.written, slot)
	}
	slot.held = next
	c.wrote = true
	return nil
}

func (s *slots[T]) keep() {
	for index := range s.journal {
		s.journal[index].slot.journaled = false
	}
	clear(s.journal)
	s.journal = s.journal[:0]
}

func (s *slots[T]) takeBack() {
	for _, undo := range s.journal {
		if !undo.was.dirty {
			// Those that only this event wrote are the last.
			s.written = s.written[:len(s.written)-1]
		}
		undo.slot.held = undo.was
		undo.slot.journaled = false
	}
	clear(s.journal)
	s.journal = s.journal[:0]
}

func (s *slots[T]) dirty(into []dirtyEntry) []dirtyEntry {
	for index, slot := range s.written {
		into = append(into, dirtyEntry{slot.source, s, index})
	}
	return into
}

func (s *slots[T]) put(index int, into *writes) {
	slot := s.written[index]
	slot.dirty = false
	into.data = append(into.data, slot.key...)
	start, length := len(into.data), int32(lengthNull)
	if slot.present {
		into.data = s.encode(slot, into.data)
		length = int32(len(into.data) - start)
	}
	into.sources = append(into.sources, slot.source)
	into.stores = append(into.stores, s.spec.index)
	into.keyLengths = append(into.keyLengths, uint32(len(slot.key)))
	into.valueLengths = append(into.valueLengths, length)
	s.count(slot, len(into.data)-start)
}

func (s *slots[T]) encode(slot *slot[T], into []byte) []byte {
	if s.codec.shared {
		return append(into, slot.encoded...)
	}
	into, err := s.codec.encode(&slot.value, into)
	if err != nil {
		// The host finds the event that wrote it, by giving it each alone.
		panic(fmt.Sprintf("a value for the store %q, under the key %q, has no JSON: %v", s.spec.name, slot.key, err))
	}
	return into
}

// end forgets entries until they take no more than the budget: as the hand of a clock comes by, those that were not looked for
// again since it was there.
func (s *slots[T]) end(budget int) {
	clear(s.written)
	s.written = s.written[:0]
	// The first turn takes the marks away, so that the second one frees all.
	for turns := 2 * len(s.all); s.bytes > budget && turns > 0; turns-- {
		if s.hand >= len(s.all) {
			s.hand = 0
		}
		if slot := s.all[s.hand]; slot.used == again {
			slot.used = 1
			s.hand++
		} else {
			s.letGo(s.hand)
		}
	}
}
