package wasmill

import (
	"bytes"
	"encoding/json"
	"math"
	"runtime/debug"
	"time"
)

// Context takes what an event does, and knows where and when the call runs. It is valid until Process returns.
type Context struct {
	run        *batch
	answer     *answer
	stores     []anyStore
	source     uint32
	headers    headers
	streamTime int64
	mark       mark
	wrote      bool
	// earliest is the earliest timer on event time that was set in this call.
	earliest int64
}

// Output is an output. What is left out is the event's: key, value and timestamp; the partition is found by the key, as any
// Kafka client does; of the event's headers only its trace (traceparent, tracestate) is passed on.
type Output struct {
	// Key: nil is the event's, Null is none.
	Key []byte
	// Value: nil is the event's, Null is a tombstone.
	Value     []byte
	Timestamp time.Time
	// Partition of the sink's topic, instead of the one that belongs to the key.
	Partition *uint32
	Headers   []Header
	// KeepHeaders has all of the event's headers stand before Headers.
	KeepHeaders bool
}

// Null is no key, or no value, whatever the event's is.
var Null = make([]byte, 0, 1)

func isNull(bytes []byte) bool {
	return cap(bytes) > 0 && len(bytes) == 0 && &bytes[:1][0] == &Null[:1][0]
}

// Forward passes the event on as it is: key, value, headers and timestamp. Nothing is copied.
func (c *Context) Forward(sink Sink) {
	headers := int32(0)
	if len(c.run.headerCounts) > 0 {
		headers = lengthSame
	}
	c.answer.push(c.source, c.run.timestamps, row{
		sink: sink.index, partition: lengthNull, keyLength: lengthSame, valueLength: lengthSame, headers: headers,
	})
}

// Emit sends an output. Its bytes are copied.
func (c *Context) Emit(sink Sink, output Output) {
	out := row{sink: sink.index, partition: lengthNull, keyLength: c.field(output.Key), valueLength: c.field(output.Value)}
	if output.Partition != nil {
		out.partition = int32(min(*output.Partition, math.MaxInt32))
	}
	if !output.Timestamp.IsZero() {
		out.timed, out.timestamp = true, output.Timestamp.UnixMilli()
	}
	out.headers = c.outputHeaders(&output)
	c.answer.push(c.source, c.run.timestamps, out)
}

// EmitJSON sends an output with a value in JSON under a key; nil is the event's.
func (c *Context) EmitJSON(sink Sink, key []byte, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return Reject("not-json", "the output cannot be written as JSON: %v", err)
	}
	c.Emit(sink, Output{Key: key, Value: text})
	return nil
}

// field adds a key or a value, and answers its length in the column.
func (c *Context) field(bytes []byte) int32 {
	switch {
	case bytes == nil:
		return lengthSame
	case isNull(bytes):
		return lengthNull
	default:
		c.answer.data = append(c.answer.data, bytes...)
		return int32(len(bytes))
	}
}

func isTrace(name string) bool { return name == "traceparent" || name == "tracestate" }

// outputHeaders adds the headers of an output, and answers how many they are, or that they are the event's.
func (c *Context) outputHeaders(output *Output) int32 {
	source := c.headers
	if len(source.nameLengths) == 0 && len(output.Headers) == 0 {
		return 0
	}
	if output.KeepHeaders && len(output.Headers) == 0 {
		return lengthSame
	}
	before := len(c.answer.headers.nameLengths)
	for output.KeepHeaders && len(source.nameLengths) > 0 {
		c.answer.pushHeader(source.take())
	}
	ownTrace := false
	for _, header := range output.Headers {
		ownTrace = ownTrace || isTrace(header.Name)
		c.answer.pushHeader(header)
	}
	// An author who names one of the two starts a trace of his own: the other would not belong to it.
	for !ownTrace && len(source.nameLengths) > 0 {
		if header := source.take(); isTrace(header.Name) {
			c.answer.pushHeader(header)
		}
	}
	return int32(len(c.answer.headers.nameLengths) - before)
}

// Partition is the partition number of the task: the event's.
func (c *Context) Partition() uint32 { return c.run.partition }

// Now is the wall clock, the same for all events of a call. There is no other clock: that of package time stands still.
func (c *Context) Now() time.Time { return time.UnixMilli(c.run.now) }

// StreamTime is the greatest event timestamp that the task has seen, this event's included.
func (c *Context) StreamTime() time.Time { return time.UnixMilli(c.streamTime) }

// beginCall turns to the events or timers of a call.
func (c *Context) beginCall(run *batch) {
	c.run, c.streamTime, c.earliest, c.headers = run, run.streamTime, math.MaxInt64, headers{}
	c.answer.clear()
	for _, store := range c.stores {
		store.begin(run.partition)
	}
}

// begin turns to the next event or timer. What is added from here on is its effect.
func (c *Context) begin() {
	c.source = c.answer.done
	c.answer.done++
	c.mark = c.answer.mark()
}

// finish keeps the effects of the event or timer at hand, or drops them and notes its failure. Whether the call may go on.
func (c *Context) finish(err error) bool {
	if err != nil {
		return c.fail(failureOf(err))
	}
	if c.wrote {
		c.wrote = false
		for _, store := range c.stores {
			store.keep()
		}
	}
	return true
}

func (c *Context) fail(failure *Failure) bool {
	c.answer.cutBack(c.mark)
	if c.wrote {
		c.wrote = false
		for _, store := range c.stores {
			store.takeBack()
		}
	}
	c.answer.failures = append(c.answer.failures, failed{c.source, failure})
	return failure.kind == reject
}

// recovered notes a panic as the failure of the event at hand. Whether the call may go on.
func (c *Context) recovered(value any) bool {
	return c.fail(failureOfPanic(value, string(bytes.TrimSpace(debug.Stack()))))
}

// endCall puts into the answer what was written to stores.
func (c *Context) endCall() *answer {
	answerWrites(c.stores, c.answer)
	return c.answer
}
