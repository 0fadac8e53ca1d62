//go:build !wasip1

package wasmill

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"time"
)

// Harness runs a plugin in an ordinary go test, on events that the test makes, with its stores and its timers on event time in
// memory:
//
//	harness, err := wasmill.NewHarness(&Fraud{}, `{"threshold": 100}`)
//	run := harness.Send(wasmill.TestEvent{Input: "orders", Value: `{"amount": 250, "country": "FR"}`})
//	if len(run.Outputs) != 1 { … }
//
// There is one at a time.
type Harness struct {
	// EventsACall is how many events a call has at most; it makes no difference to what comes of them.
	EventsACall int
	// Partition is the number of the task.
	Partition uint32

	instance   *instance
	wiring     *Wiring
	streamTime int64
	offset     uint64
	stores     []map[string]testEntry
	timers     map[testTimer]int64
}

// TestEvent is an event of a test. A Key or Value of "" is null.
type TestEvent struct {
	// Input is the name of one; the first one unless given.
	Input     string
	Key       string
	Value     string
	Timestamp int64
	Headers   []Header
}

// TestOutput is an output as it would be sent.
type TestOutput struct {
	// Event is the number of the event that caused it, from 0 in each Send; of a timer, that of the event that made it due.
	Event     int
	Sink      string
	Key       []byte
	Value     []byte
	Timestamp int64
	Partition *uint32
	Headers   []Header
}

// TestFailure is an event that failed.
type TestFailure struct {
	Event   int
	Failure *Failure
}

// Run is what came of some events.
type Run struct {
	Outputs  []TestOutput
	Failures []TestFailure
}

type testEntry struct {
	value   string
	written int64
}

type testTimer struct {
	clock Clock
	key   string
}

// NewHarness configures a plugin. Settings are JSON; "" are none.
func NewHarness(plugin Plugin, settings string) (*Harness, error) {
	forgetLevel()
	made, wiring, err := configure(plugin, []byte(cmp.Or(settings, "{}")))
	if err != nil {
		return nil, err
	}
	harness := &Harness{EventsACall: 500, instance: made, wiring: wiring, timers: map[testTimer]int64{}}
	for range wiring.stores {
		harness.stores = append(harness.stores, map[string]testEntry{})
	}
	return harness, nil
}

// Send has the plugin handle events. After a retry or a stop the next event follows, as if it had been given up.
func (h *Harness) Send(events ...TestEvent) Run {
	theHost = h
	defer func() { theHost = nativeHost{} }()
	var run Run
	for first := 0; first < len(events); {
		last := first + 1
		// A run ends where a timer is due.
		next, time := h.nextTimer(), max(h.streamTime, events[first].Timestamp)
		for last < len(events) && last-first < h.EventsACall && events[last].Input == events[first].Input && time < next {
			time = max(time, events[last].Timestamp)
			last++
		}
		packed := h.pack(events[first:last])
		answer := h.instance.process(packed)
		h.apply(packed, answer, &run, func(source uint32) int { return first + int(source) })
		first += int(answer.done)
		h.offset += uint64(answer.done)
		h.fire(&run, first-1)
	}
	return run
}

// Entry is what a store has under a key, encoded; "" if there is nothing.
func (h *Harness) Entry(store, key string) string {
	for index, declared := range h.wiring.stores {
		if declared.declared().name == store {
			return h.stores[index][key].value
		}
	}
	panic(fmt.Sprintf("no store %q is declared", store))
}

// pack makes columns of events.
func (h *Harness) pack(events []TestEvent) *batch {
	run := &batch{partition: h.Partition, now: time.Now().UnixMilli(), streamTime: h.streamTime, latest: 1<<63 - 1, data: []byte{}}
	run.headers.data = []byte{}
	for index, input := range h.wiring.inputs {
		if input.name == events[0].Input || events[0].Input == "" && index == 0 {
			run.input, run.topic = uint32(index), input.topic
		}
	}
	field := func(text string) int32 {
		if text == "" {
			return lengthNull
		}
		run.data = append(run.data, text...)
		return int32(len(text))
	}
	var packed answer
	for index, event := range events {
		run.offsets = append(run.offsets, h.offset+uint64(index))
		run.timestamps = append(run.timestamps, event.Timestamp)
		run.keyLengths = append(run.keyLengths, field(event.Key))
		run.valueLengths = append(run.valueLengths, field(event.Value))
		run.headerCounts = append(run.headerCounts, int32(len(event.Headers)))
		for _, header := range event.Headers {
			packed.pushHeader(header)
		}
	}
	run.headers.nameLengths, run.headers.valueLengths = packed.headers.nameLengths, packed.headers.valueLengths
	run.headers.data = append(run.headers.data, packed.headers.data...)
	return run
}

// apply does what a call did.
func (h *Harness) apply(run *batch, answer *answer, into *Run, event func(source uint32) int) {
	sources := eventsOf(run)
	rest, data := headers{answer.headers.nameLengths, answer.headers.valueLengths, slices.Clone(answer.headers.data)}, slices.Clone(answer.data)
	field := func(length int32, same []byte) []byte {
		switch length {
		case lengthSame:
			return same
		case lengthNull:
			return nil
		}
		return takeBytes(&data, int(length))
	}
	for index, source := range answer.sources {
		out := TestOutput{Event: event(source), Sink: h.wiring.sinks[answer.sinks[index]].name, Timestamp: run.timestamps[source]}
		out.Key = field(answer.keyLengths[index], sources[source].Key)
		out.Value = field(answer.valueLengths[index], sources[source].Value)
		if len(answer.timestamps) > 0 {
			out.Timestamp = answer.timestamps[index]
		}
		if len(answer.partitions) > 0 && answer.partitions[index] >= 0 {
			partition := uint32(answer.partitions[index])
			out.Partition = &partition
		}
		if len(answer.headerCounts) > 0 {
			some := sources[source].headers
			if count := answer.headerCounts[index]; count != lengthSame {
				some = rest.takeSome(int(count))
			}
			out.Headers = slices.Collect(some.all())
		}
		into.Outputs = append(into.Outputs, out)
	}
	for _, failed := range answer.failures {
		into.Failures = append(into.Failures, TestFailure{event(failed.event), failed.failure})
	}
	h.applyState(run, answer)
}

func eventsOf(run *batch) []Event {
	all := make([]Event, len(run.timestamps))
	walk := events{run: run, data: run.data, headers: run.headers}
	for index := range run.offsets {
		walk.next(&all[index])
	}
	if len(run.offsets) == 0 {
		for index := range run.keyLengths {
			all[index].Key = takeBytes(&walk.data, int(run.keyLengths[index]))
		}
	}
	return all
}

func (h *Harness) applyState(run *batch, answer *answer) {
	// Stream time at each event, which is when its writes were made.
	times := make([]int64, answer.done)
	for index := range times {
		if len(run.offsets) > 0 {
			h.streamTime = max(h.streamTime, run.timestamps[index])
		}
		times[index] = h.streamTime
	}
	data := slices.Clone(answer.writes.data)
	for index, store := range answer.writes.stores {
		key := string(takeBytes(&data, int(answer.writes.keyLengths[index])))
		if length := answer.writes.valueLengths[index]; length >= 0 {
			value := string(takeBytes(&data, int(length)))
			h.stores[store][key] = testEntry{value, times[answer.writes.sources[index]]}
		} else {
			delete(h.stores[store], key)
		}
	}
	keys := slices.Clone(answer.timers.keys)
	for index, clock := range answer.timers.clocks {
		timer := testTimer{clock, string(takeBytes(&keys, int(answer.timers.keyLengths[index])))}
		if at := answer.timers.at[index]; at >= 0 {
			h.timers[timer] = at
		} else {
			delete(h.timers, timer)
		}
	}
}

// nextTimer is when the next one on event time is due.
func (h *Harness) nextTimer() int64 {
	next := int64(math.MaxInt64)
	for timer, at := range h.timers {
		if timer.clock == EventTime {
			next = min(next, at)
		}
	}
	return next
}

// fire has the timers handled that are due on event time, in the order of their times.
func (h *Harness) fire(into *Run, event int) {
	for {
		var due []Timer
		for _, timer := range slices.Collect(maps.Keys(h.timers)) {
			if at := h.timers[timer]; timer.clock == EventTime && at <= h.streamTime {
				due = append(due, Timer{Key: []byte(timer.key), At: time.UnixMilli(at), Clock: timer.clock, at: at})
			}
		}
		if len(due) == 0 {
			return
		}
		slices.SortFunc(due, func(one, other Timer) int {
			return cmp.Or(cmp.Compare(one.at, other.at), cmp.Compare(string(one.Key), string(other.Key)))
		})
		run := &batch{partition: h.Partition, now: time.Now().UnixMilli(), streamTime: h.streamTime, latest: -1 << 63}
		for _, timer := range due {
			run.timestamps = append(run.timestamps, timer.at)
			run.keyLengths = append(run.keyLengths, int32(len(timer.Key)))
			run.data = append(run.data, timer.Key...)
		}
		asked := *run
		asked.keyLengths = nil
		answer := h.instance.processTimers(&asked, due)
		for _, timer := range due[:answer.done] {
			delete(h.timers, testTimer{timer.Clock, string(timer.Key)})
		}
		h.apply(run, answer, into, func(uint32) int { return event })
	}
}

func (h *Harness) getMany(store uint32, keyLengths []uint32, keys []byte) (found values) {
	for _, length := range keyLengths {
		entry, known := h.stores[store][string(takeBytes(&keys, int(length)))]
		if !known {
			found.lengths = append(found.lengths, lengthNull)
		} else {
			found.lengths = append(found.lengths, int32(len(entry.value)))
			found.data = append(found.data, entry.value...)
		}
		if h.wiring.stores[store].declared().ttl != 0 {
			found.written = append(found.written, entry.written)
		}
	}
	return found
}

func (h *Harness) scan(store uint32, from, to []byte, reverse bool, limit uint32) (found entries) {
	keys := slices.Sorted(maps.Keys(h.stores[store]))
	keys = slices.DeleteFunc(keys, func(key string) bool { return key < string(from) || len(to) > 0 && key >= string(to) })
	if reverse {
		slices.Reverse(keys)
	}
	for _, key := range keys[:min(len(keys), int(limit))] {
		entry := h.stores[store][key]
		found.keyLengths = append(found.keyLengths, uint32(len(key)))
		found.valueLengths = append(found.valueLengths, uint32(len(entry.value)))
		found.data = append(append(found.data, key...), entry.value...)
		if h.wiring.stores[store].declared().ttl != 0 {
			found.written = append(found.written, entry.written)
		}
	}
	return found
}

func (h *Harness) logEnabled() (uint8, bool) { return nativeHost{}.logEnabled() }

func (h *Harness) log(level uint8, message string, fields [][2]string) {
	nativeHost{}.log(level, message, fields)
}

// nativeHost is there outside of WebAssembly: lines go to stderr, and stores have nothing.
type nativeHost struct{}

func init() { theHost = nativeHost{} }

func (nativeHost) getMany(uint32, []uint32, []byte) values {
	panic("stores are there in a Harness only")
}

func (nativeHost) scan(uint32, []byte, []byte, bool, uint32) entries {
	panic("stores are there in a Harness only")
}

func (nativeHost) logEnabled() (uint8, bool) { return levelTrace, true }

func (nativeHost) log(level uint8, message string, fields [][2]string) {
	line := []string{"trace", "debug", "info", "warn", "error"}[level] + " " + message
	for _, field := range fields {
		line += " " + field[0] + "=" + field[1]
	}
	fmt.Fprintln(os.Stderr, line)
}
