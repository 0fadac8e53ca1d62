package wasmill

import (
	"bytes"
	"slices"
)

// page is how many entries are asked for at once.
const page = 256

// entry is one that a scan shows.
type entry[T any] struct {
	key   []byte
	value T
	gone  bool
}

// scan merges what the host has with what this call has written.
type scan[T any] struct {
	slots      *slots[T]
	streamTime int64
	keys       Keys
	over       bool
	written    []entry[T]
	page       []entry[T]
}

func (s *slots[T]) scan(c *Context, keys Keys) *scan[T] {
	made := &scan[T]{slots: s, streamTime: c.streamTime, keys: keys}
	// To the host an empty end is no end.
	made.over = keys.To != nil && bytes.Compare(keys.From, keys.To) >= 0
	for _, slot := range s.written {
		key := []byte(slot.key)
		if bytes.Compare(key, keys.From) < 0 || keys.To != nil && bytes.Compare(key, keys.To) >= 0 {
			continue
		}
		value, found, err := s.read(slot, c.streamTime)
		if err != nil {
			panic(err)
		}
		made.written = append(made.written, entry[T]{key, value, !found})
	}
	slices.SortFunc(made.written, func(one, other entry[T]) int { return made.order(one.key, other.key) })
	return made
}

func (s *scan[T]) order(one, other []byte) int {
	if s.keys.Reverse {
		return bytes.Compare(other, one)
	}
	return bytes.Compare(one, other)
}

// turn has an entry of the host ready, if there is one left.
func (s *scan[T]) turn() {
	for len(s.page) == 0 && !s.over {
		found := theHost.scan(s.slots.spec.index, s.keys.From, s.keys.To, s.keys.Reverse, page)
		if len(found.keyLengths) == 0 {
			s.over = true
			return
		}
		var key []byte
		for index, length := range found.keyLengths {
			key = takeBytes(&found.data, int(length))
			text := takeBytes(&found.data, int(found.valueLengths[index]))
			if index < len(found.written) && s.slots.spec.isExpired(found.written[index], s.streamTime) {
				continue
			}
			shown := entry[T]{key: key}
			if err := s.slots.codec.decode(text, &shown.value); err != nil {
				panic(s.slots.unreadable(string(key), err))
			}
			s.page = append(s.page, shown)
		}
		if s.keys.Reverse {
			s.keys.To = key
			s.over = len(key) == 0
		} else {
			s.keys.From = append(bytes.Clone(key), 0)
		}
	}
}

func (s *scan[T]) next() (entry[T], bool) {
	for {
		s.turn()
		if len(s.page) == 0 && len(s.written) == 0 {
			return entry[T]{}, false
		}
		order := 1
		switch {
		case len(s.page) == 0:
			order = -1
		case len(s.written) > 0:
			order = s.order(s.written[0].key, s.page[0].key)
		}
		if order > 0 {
			next := s.page[0]
			s.page = s.page[1:]
			return next, true
		}
		if order == 0 {
			s.page = s.page[1:]
		}
		next := s.written[0]
		s.written = s.written[1:]
		if !next.gone {
			return next, true
		}
	}
}
