package wasmill

// What lengths and header counts below zero mean in the contract.
const (
	lengthNull = -1
	lengthSame = -2
)

// batch is the record of the contract.
type batch struct {
	partition    uint32
	now          int64
	streamTime   int64
	latest       int64
	input        uint32
	topic        string
	offsets      []uint64
	timestamps   []int64
	keyLengths   []int32
	valueLengths []int32
	data         []byte
	headerCounts []int32
	headers      headers
}

// answer has the columns of effects in the contract. Those that are optional stay empty until an output needs them.
type answer struct {
	done         uint32
	sources      []uint32
	sinks        []uint32
	partitions   []int32
	timestamps   []int64
	keyLengths   []int32
	valueLengths []int32
	data         []byte
	headerCounts []int32
	headers      headers
	writes       writes
	timers       timerWrites
	failures     []failed
}

type writes struct {
	sources      []uint32
	stores       []uint32
	keyLengths   []uint32
	valueLengths []int32
	data         []byte
}

type timerWrites struct {
	sources    []uint32
	clocks     []Clock
	at         []int64
	keyLengths []uint32
	keys       []byte
}

type failed struct {
	event   uint32
	failure *Failure
}

// mark is how far the columns had grown before an event.
type mark struct {
	outputs, data, headers, headerData, timers, timerKeys int
}

func (a *answer) mark() mark {
	return mark{
		len(a.sources), len(a.data), len(a.headers.nameLengths), len(a.headers.data), len(a.timers.sources), len(a.timers.keys),
	}
}

// clear empties the columns; they keep their memory.
func (a *answer) clear() {
	a.done = 0
	a.cutBack(mark{})
	a.writes = writes{
		a.writes.sources[:0], a.writes.stores[:0], a.writes.keyLengths[:0], a.writes.valueLengths[:0], a.writes.data[:0],
	}
	clear(a.failures)
	a.failures = a.failures[:0]
}

// cutBack forgets what was added after the mark.
func (a *answer) cutBack(to mark) {
	a.sources = a.sources[:to.outputs]
	a.sinks = a.sinks[:to.outputs]
	a.partitions = a.partitions[:min(to.outputs, len(a.partitions))]
	a.timestamps = a.timestamps[:min(to.outputs, len(a.timestamps))]
	a.keyLengths = a.keyLengths[:to.outputs]
	a.valueLengths = a.valueLengths[:to.outputs]
	a.data = a.data[:to.data]
	a.headerCounts = a.headerCounts[:min(to.outputs, len(a.headerCounts))]
	a.headers.nameLengths = a.headers.nameLengths[:to.headers]
	a.headers.valueLengths = a.headers.valueLengths[:to.headers]
	a.headers.data = a.headers.data[:to.headerData]
	a.timers.sources = a.timers.sources[:to.timers]
	a.timers.clocks = a.timers.clocks[:to.timers]
	a.timers.at = a.timers.at[:to.timers]
	a.timers.keyLengths = a.timers.keyLengths[:to.timers]
	a.timers.keys = a.timers.keys[:to.timerKeys]
}

// row is what an output has besides the bytes that are in the columns already.
type row struct {
	sink                   uint32
	partition              int32
	timestamp              int64
	timed                  bool
	keyLength, valueLength int32
	headers                int32
}

// push adds an output of the event or timer number source; timestamps are theirs.
func (a *answer) push(source uint32, timestamps []int64, row row) {
	if row.partition != lengthNull || len(a.partitions) > 0 {
		for len(a.partitions) < len(a.sources) {
			a.partitions = append(a.partitions, lengthNull)
		}
		a.partitions = append(a.partitions, row.partition)
	}
	if row.timed || len(a.timestamps) > 0 {
		for len(a.timestamps) < len(a.sources) {
			a.timestamps = append(a.timestamps, timestamps[a.sources[len(a.timestamps)]])
		}
		if !row.timed {
			row.timestamp = timestamps[source]
		}
		a.timestamps = append(a.timestamps, row.timestamp)
	}
	if row.headers != 0 || len(a.headerCounts) > 0 {
		for len(a.headerCounts) < len(a.sources) {
			a.headerCounts = append(a.headerCounts, 0)
		}
		a.headerCounts = append(a.headerCounts, row.headers)
	}
	a.sources = append(a.sources, source)
	a.sinks = append(a.sinks, row.sink)
	a.keyLengths = append(a.keyLengths, row.keyLength)
	a.valueLengths = append(a.valueLengths, row.valueLength)
}

func (a *answer) pushHeader(header Header) {
	a.headers.nameLengths = append(a.headers.nameLengths, uint32(len(header.Name)))
	a.headers.data = append(a.headers.data, header.Name...)
	length := int32(lengthNull)
	if header.Value != nil && !isNull(header.Value) {
		length = int32(len(header.Value))
		a.headers.data = append(a.headers.data, header.Value...)
	}
	a.headers.valueLengths = append(a.headers.valueLengths, length)
}
