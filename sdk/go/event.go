package wasmill

import (
	"iter"
	"time"
)

// Event is one event. It is valid until Process returns, what its fields point to for as long as it is wanted.
type Event struct {
	// Input is what it came in by.
	Input Input
	// Topic is where it came from.
	Topic     string
	Partition uint32
	Offset    uint64
	// Timestamp is in milliseconds since the Unix epoch, as the broker has it; see [Event.Time].
	Timestamp int64
	// Key is nil if it is null.
	Key []byte
	// Value is nil for a tombstone.
	Value   []byte
	headers headers
}

// Header is a header of Kafka's. Names may repeat; a Value of nil is null.
type Header struct {
	Name  string
	Value []byte
}

// Time is the event's timestamp.
func (e *Event) Time() time.Time { return time.UnixMilli(e.Timestamp) }

// Headers are the event's headers in their order.
func (e *Event) Headers() iter.Seq[Header] { return e.headers.all() }

// Header is the value of the header of this name; the last one, where it repeats, as Kafka's own clients have it.
func (e *Event) Header(name string) (value []byte, found bool) {
	for header := range e.headers.all() {
		if header.Name == name {
			value, found = header.Value, true
		}
	}
	return value, found
}

// headers are some of a batch's, in the columns that they came in.
type headers struct {
	nameLengths  []uint32
	valueLengths []int32
	data         []byte
}

func (h headers) all() iter.Seq[Header] {
	return func(yield func(Header) bool) {
		rest := h
		for len(rest.nameLengths) > 0 {
			if !yield(rest.take()) {
				return
			}
		}
	}
}

// take takes the first one off.
func (h *headers) take() Header {
	var header Header
	header.Name = string(takeBytes(&h.data, int(h.nameLengths[0])))
	if length := h.valueLengths[0]; length >= 0 {
		header.Value = takeBytes(&h.data, int(length))
	}
	h.nameLengths, h.valueLengths = h.nameLengths[1:], h.valueLengths[1:]
	return header
}

// takeSome takes so many off.
func (h *headers) takeSome(count int) headers {
	size := 0
	for index, length := range h.nameLengths[:count] {
		size += int(length) + int(max(h.valueLengths[index], 0))
	}
	some := headers{h.nameLengths[:count], h.valueLengths[:count], takeBytes(&h.data, size)}
	h.nameLengths, h.valueLengths = h.nameLengths[count:], h.valueLengths[count:]
	return some
}

// takeBytes takes the first bytes off; what is appended to them goes elsewhere.
func takeBytes(data *[]byte, size int) []byte {
	taken := (*data)[:size:size]
	*data = (*data)[size:]
	return taken
}
