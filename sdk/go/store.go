package wasmill

import (
	"iter"
	"time"
)

// Store is what a plugin remembers from one event to the next: values of T under keys that are bytes. What an event writes,
// the next one sees; it is kept when the outputs are sent and the event is done, all of it or nothing.
//
// Each task (the plugin on one partition) has its own, so an entry belongs to the partition whose events wrote it.
//
// Values are kept as JSON, so that a query can show them; those of a Store[[]byte] as they are. They are kept decoded from
// one call to the next, and one that was written by several events of a call is encoded once.
type Store[T any] struct{ slots *slots[T] }

// StoreOption says more of a store.
type StoreOption func(*declaredStore)

// TTL: entries that were not written for this long are gone, by the task's stream time.
func TTL(ttl time.Duration) StoreOption {
	return func(store *declaredStore) { store.ttl = max(ttl.Milliseconds(), 1) }
}

// Version is that of the values' form, 0 unless given. It is raised with a form that older modules can't read: the host then
// refuses to go back to one of them.
func Version(version uint32) StoreOption {
	return func(store *declaredStore) { store.version = version }
}

// KeyedByEvent: entries are written under the key of the event at hand. Then the host can tell which task has a key, and what
// the events of a call will ask for is fetched at once.
func KeyedByEvent() StoreOption { return func(store *declaredStore) { store.keyedByEvent = true } }

// NewStore declares a store, in Configure.
func NewStore[T any](w *Wiring, name string, options ...StoreOption) *Store[T] {
	declared := declaredStore{index: uint32(len(w.stores)), name: name}
	for _, option := range options {
		option(&declared)
	}
	made := &slots[T]{spec: declared, codec: codecOf[T]()}
	w.stores = append(w.stores, made)
	return &Store[T]{made}
}

// Get is what is under a key: what was written last, by this event too; false if there is nothing, or it is older than the
// store's TTL.
func (s *Store[T]) Get(c *Context, key []byte) (value T, found bool, err error) {
	slot, err := s.slots.find(c, key)
	if err != nil {
		return value, false, err
	}
	return s.slots.read(slot, c.streamTime)
}

// Put writes a value under a key. As JSON it may have 980 992 bytes.
func (s *Store[T]) Put(c *Context, key []byte, value T) error {
	slot, err := s.slots.find(c, key)
	if err != nil {
		return err
	}
	return s.slots.write(c, slot, &value)
}

// Update changes what is under a key, or the zero value where there is nothing, and answers what it is then.
func (s *Store[T]) Update(c *Context, key []byte, change func(value *T)) (value T, err error) {
	slot, err := s.slots.find(c, key)
	if err != nil {
		return value, err
	}
	value, _, err = s.slots.read(slot, c.streamTime)
	if err != nil {
		return value, err
	}
	change(&value)
	return value, s.slots.write(c, slot, &value)
}

// Delete removes what is under a key, if there is something.
func (s *Store[T]) Delete(c *Context, key []byte) error {
	slot, err := s.slots.find(c, key)
	if err != nil || !slot.present {
		return err
	}
	return s.slots.write(c, slot, nil)
}

// Keys says which entries of a store [Store.Scan] shows: those with From <= key < To, in the byte order of their keys. What is
// nil is no bound.
type Keys struct {
	From, To []byte
	// Reverse shows them from the last to the first.
	Reverse bool
}

// Prefix are the keys that begin so.
func Prefix(prefix []byte) Keys {
	// The end is the next key that does not begin so: the last byte that can be raised is, and what follows is left out.
	end := append([]byte(nil), prefix...)
	for len(end) > 0 && end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	if len(end) == 0 {
		return Keys{From: prefix}
	}
	end[len(end)-1]++
	return Keys{From: prefix, To: end}
}

// Scan walks the entries of a store as they are now: key and value. They come from the host a few hundred at a time; what is
// written while they are walked does not show. A value that cannot be read stops the plugin, as with Get.
func (s *Store[T]) Scan(c *Context, keys Keys) iter.Seq2[[]byte, T] {
	return func(yield func([]byte, T) bool) {
		for scan := s.slots.scan(c, keys); ; {
			entry, ok := scan.next()
			if !ok || !yield(entry.key, entry.value) {
				return
			}
		}
	}
}
