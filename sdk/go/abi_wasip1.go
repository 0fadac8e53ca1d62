package wasmill

import (
	"runtime"
	"strings"
	"time"
	"unsafe"
)

// The exports of the world batch-plugin, and its imports, by the canonical ABI. Pointers are 32 bits wide there and 64 in Go:
// records are read and written as words.

// pinned is what the host was given room in, and is to find what it reads: nothing else may refer to it for now. It is let go
// when the host has read the answer.
var pinned [][]uint64

// room is memory for the host to write to, aligned for anything.
func room(size uint32) unsafe.Pointer {
	memory := make([]uint64, size/8+1)
	pinned = append(pinned, memory)
	return unsafe.Pointer(unsafe.SliceData(memory))
}

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	memory := room(size)
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(memory), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return memory
}

// letGo: the host has read the answer.
func letGo() {
	clear(pinned)
	pinned = pinned[:0]
}

// at is what an address of the host's means. The memory is pinned, or static.
func at(address uint32) unsafe.Pointer { return unsafe.Add(nil, int(address)) }

// list is a list of the host's, as a slice of its memory; it is never nil.
func list[T any](memory unsafe.Pointer, offset uintptr) []T {
	words := (*[2]uint32)(unsafe.Add(memory, offset))
	if words[1] == 0 {
		return []T{}
	}
	return unsafe.Slice((*T)(at(words[0])), words[1])
}

func word(memory unsafe.Pointer, offset uintptr) uint32 {
	return *(*uint32)(unsafe.Add(memory, offset))
}
func long(memory unsafe.Pointer, offset uintptr) int64 { return *(*int64)(unsafe.Add(memory, offset)) }

// text is a text of the host's.
func text(memory unsafe.Pointer, offset uintptr) string {
	bytes := list[byte](memory, offset)
	return unsafe.String(unsafe.SliceData(bytes), len(bytes))
}

// record is one that is answered, made word by word. What it refers to is kept with it.
type record struct {
	words []uint32
	keep  []string
}

func (r *record) begin() {
	r.words = r.words[:0]
	clear(r.keep)
	r.keep = r.keep[:0]
}

func (r *record) word(word uint32) { r.words = append(r.words, word) }

// text adds a text. One that is not UTF-8 would end the instance.
func (r *record) text(text string) {
	text = strings.ToValidUTF8(text, "?")
	r.keep = append(r.keep, text)
	r.words = append(r.words, uint32(uintptr(unsafe.Pointer(unsafe.StringData(text)))), uint32(len(text)))
}

func (r *record) optional(text string) {
	if text == "" {
		r.words = append(r.words, 0, 0, 0)
		return
	}
	r.word(1)
	r.text(text)
}

func (r *record) pointer() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(r.words)) }

// push adds a list. What it is of is kept by whoever has it.
func push[T any](r *record, list []T) {
	r.words = append(r.words, uint32(uintptr(unsafe.Pointer(unsafe.SliceData(list)))), uint32(len(list)))
}

func (r *record) list(of *record, wordsEach int) {
	r.words = append(r.words, uint32(uintptr(of.pointer())), uint32(len(of.words)/wordsEach))
}

// What is answered is static: the host has read it before it calls again.
var (
	answered       record
	answeredInputs record
	answeredSinks  record
	answeredStores record
	failures       record
)

var configured *instance

func init() { theHost = realHost{} }

//go:wasmexport wasmill:plugin/lifecycle@0.1.0#describe
func describe() unsafe.Pointer {
	answered.begin()
	for _, text := range []string{described.Name, described.Version, described.Description} {
		answered.text(text)
	}
	answered.optional(described.SettingsSchema)
	return answered.pointer()
}

//go:wasmexport wasmill:plugin/lifecycle@0.1.0#configure
func configurePlugin(settings unsafe.Pointer, size uint32) unsafe.Pointer {
	forgetLevel()
	answered.begin()
	made, wiring, err := configureExported(unsafe.Slice((*byte)(settings), size))
	if err != nil {
		answered.word(1)
		answered.text(err.Error())
		// As long as a wiring.
		answered.words = append(answered.words, 0, 0, 0, 0)
		return answered.pointer()
	}
	configured = made
	for _, input := range wiring.inputs {
		answeredInputs.text(input.name)
		answeredInputs.text(input.topic)
	}
	for _, sink := range wiring.sinks {
		answeredSinks.text(sink.name)
		answeredSinks.text(sink.topic)
		answeredSinks.word(flag(sink.lastOfCommit))
	}
	// Aligned to eight bytes, as the first field of a Go slice's memory is: eight words each.
	for _, store := range wiring.stores {
		of := store.declared()
		answeredStores.text(of.name)
		answeredStores.word(flag(of.ttl != 0))
		answeredStores.word(0)
		answeredStores.word(uint32(of.ttl))
		answeredStores.word(uint32(of.ttl >> 32))
		answeredStores.word(of.version)
		answeredStores.word(flag(of.keyedByEvent))
	}
	answered.word(0)
	answered.list(&answeredInputs, 4)
	answered.list(&answeredSinks, 5)
	answered.list(&answeredStores, 8)
	return answered.pointer()
}

func flag(set bool) uint32 {
	if set {
		return 1
	}
	return 0
}

//go:wasmexport wasmill:plugin/batch-processor@0.1.0#process-batch
func processBatch(in unsafe.Pointer) unsafe.Pointer {
	forgetLevel()
	run := &batch{
		partition:    word(in, 0),
		now:          long(in, 8),
		streamTime:   long(in, 16),
		latest:       long(in, 24),
		input:        word(in, 32),
		topic:        text(in, 36),
		offsets:      list[uint64](in, 44),
		timestamps:   list[int64](in, 52),
		keyLengths:   list[int32](in, 60),
		valueLengths: list[int32](in, 68),
		data:         list[byte](in, 76),
		headerCounts: list[int32](in, 84),
		headers:      headers{list[uint32](in, 92), list[int32](in, 100), list[byte](in, 108)},
	}
	return effects(theInstance().process(run))
}

//go:wasmexport wasmill:plugin/batch-processor@0.1.0#process-timers
func processTimers(partition uint32, now, streamTime, latest int64, due unsafe.Pointer, count uint32) unsafe.Pointer {
	forgetLevel()
	run := &batch{partition: partition, now: now, streamTime: streamTime, latest: latest}
	timers := make([]Timer, count)
	for index := range timers {
		timer := unsafe.Add(due, 24*index)
		at := long(timer, 8)
		timers[index] = Timer{
			Key: list[byte](timer, 0), At: time.UnixMilli(at), Clock: Clock(*(*uint8)(unsafe.Add(timer, 16))), at: at,
		}
		run.timestamps = append(run.timestamps, at)
	}
	return effects(theInstance().processTimers(run, timers))
}

func theInstance() *instance {
	if configured == nil {
		panic("a handler was called before configure")
	}
	return configured
}

// effects lays out an answer.
func effects(of *answer) unsafe.Pointer {
	r := &answered
	r.begin()
	r.word(of.done)
	push(r, of.sources)
	push(r, of.sinks)
	push(r, of.partitions)
	push(r, of.timestamps)
	push(r, of.keyLengths)
	push(r, of.valueLengths)
	push(r, of.data)
	push(r, of.headerCounts)
	push(r, of.headers.nameLengths)
	push(r, of.headers.valueLengths)
	push(r, of.headers.data)
	push(r, of.writes.sources)
	push(r, of.writes.stores)
	push(r, of.writes.keyLengths)
	push(r, of.writes.valueLengths)
	push(r, of.writes.data)
	push(r, of.timers.sources)
	push(r, of.timers.clocks)
	push(r, of.timers.at)
	push(r, of.timers.keyLengths)
	push(r, of.timers.keys)
	failures.begin()
	for _, failed := range of.failures {
		failures.word(failed.event)
		failures.word(uint32(failed.failure.kind))
		failures.text(failed.failure.Code)
		failures.text(failed.failure.Message)
		failures.optional(failed.failure.Detail)
	}
	r.list(&failures, 9)
	return r.pointer()
}

//go:wasmexport cabi_post_wasmill:plugin/lifecycle@0.1.0#describe
func describeDone(unsafe.Pointer) { letGo() }

//go:wasmexport cabi_post_wasmill:plugin/lifecycle@0.1.0#configure
func configureDone(unsafe.Pointer) { letGo() }

//go:wasmexport cabi_post_wasmill:plugin/batch-processor@0.1.0#process-batch
func processBatchDone(unsafe.Pointer) { letGo() }

//go:wasmexport cabi_post_wasmill:plugin/batch-processor@0.1.0#process-timers
func processTimersDone(unsafe.Pointer) { letGo() }

// realHost is the host, by its imports.
type realHost struct{}

//go:wasmimport wasmill:plugin/state-reader@0.1.0 get-many
func hostGetMany(store uint32, lengths unsafe.Pointer, count uint32, keys unsafe.Pointer, size uint32, answer unsafe.Pointer)

//go:wasmimport wasmill:plugin/state-reader@0.1.0 scan
func hostScan(store uint32, from unsafe.Pointer, fromSize uint32, to unsafe.Pointer, toSize uint32, reverse, limit uint32, answer unsafe.Pointer)

//go:wasmimport wasmill:plugin/log@0.1.0 enabled
func hostLogEnabled(answer unsafe.Pointer)

//go:wasmimport wasmill:plugin/log@0.1.0 log
func hostLog(level uint32, message unsafe.Pointer, size uint32, fields unsafe.Pointer, count uint32)

// hostAnswer is where an import puts what it answers.
var hostAnswer [8]uint32

func pointer[T any](of []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(of)) }

func (realHost) getMany(store uint32, keyLengths []uint32, keys []byte) values {
	answer := unsafe.Pointer(&hostAnswer)
	hostGetMany(store, pointer(keyLengths), uint32(len(keyLengths)), pointer(keys), uint32(len(keys)), answer)
	return values{list[int32](answer, 0), list[byte](answer, 8), list[int64](answer, 16)}
}

func (realHost) scan(store uint32, from, to []byte, reverse bool, limit uint32) entries {
	answer := unsafe.Pointer(&hostAnswer)
	hostScan(store, pointer(from), uint32(len(from)), pointer(to), uint32(len(to)), flag(reverse), limit, answer)
	return entries{list[uint32](answer, 0), list[uint32](answer, 8), list[byte](answer, 16), list[int64](answer, 24)}
}

func (realHost) logEnabled() (level uint8, kept bool) {
	hostLogEnabled(unsafe.Pointer(&hostAnswer))
	bytes := (*[2]uint8)(unsafe.Pointer(&hostAnswer))
	return bytes[1], bytes[0] != 0
}

func (realHost) log(level uint8, message string, fields [][2]string) {
	var record record
	for _, field := range fields {
		record.text(field[0])
		record.text(field[1])
	}
	message = strings.ToValidUTF8(message, "?")
	hostLog(uint32(level), unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)), record.pointer(), uint32(len(fields)))
	runtime.KeepAlive(record.keep)
}
