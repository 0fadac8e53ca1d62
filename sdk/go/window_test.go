//go:build !wasip1

package wasmill

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

type sum struct {
	Events int   `json:"events"`
	Sum    int64 `json:"sum"`
}

// sums adds numbers up by key in windows of four kinds.
type sums struct {
	windows []*Windows[sum]
	sinks   []Sink
	late    Sink
}

const ms = time.Millisecond

func (s *sums) Configure(w *Wiring) error {
	w.Input("in")
	merge := func(into *sum, other sum) {
		into.Events += other.Events
		into.Sum += other.Sum
	}
	s.windows = []*Windows[sum]{
		NewTumbling[sum](w, "tumbling", 100*ms, Grace(30*ms), KeyedByEvent()),
		NewHopping[sum](w, "hopping", 100*ms, 40*ms),
		NewSessions(w, "sessions", 50*ms, merge, Grace(20*ms)),
		NewTumbling[sum](w, "running", 100*ms, Running()),
	}
	s.sinks = nil
	for _, windows := range s.windows {
		s.sinks = append(s.sinks, w.Sink(windows.name))
	}
	s.late = w.Sink("late")
	return nil
}

func (s *sums) Process(e *Event, ctx *Context) error {
	number, err := strconv.ParseInt(string(e.Value), 10, 64)
	if err != nil {
		return err
	}
	for index, windows := range s.windows {
		update, err := windows.Update(ctx, e.Key, func(sum *sum) {
			sum.Events++
			sum.Sum += number
		})
		if err != nil {
			return err
		}
		if update.Late {
			ctx.Emit(s.late, Output{Key: []byte(windows.name)})
		}
		if err := s.send(ctx, index, update.Results); err != nil {
			return err
		}
	}
	if number < 0 {
		return Reject("negative", "after all windows were changed")
	}
	return nil
}

func (s *sums) OnTimer(t *Timer, ctx *Context) error {
	for index, windows := range s.windows {
		closed, err := windows.OnTimer(ctx, t)
		if err := cmp.Or(err, s.send(ctx, index, closed)); err != nil {
			return err
		}
	}
	return nil
}

func (s *sums) send(ctx *Context, index int, windows []Window[sum]) error {
	for _, window := range windows {
		text, err := json.Marshal(window)
		if err != nil {
			return err
		}
		ctx.Emit(s.sinks[index], Output{Key: window.Key, Value: text, Timestamp: time.UnixMilli(window.End)})
	}
	return nil
}

type told struct {
	key  string
	time int64
	text string
}

func add(harness *Harness, story ...told) Run {
	var events []TestEvent
	for _, told := range story {
		events = append(events, TestEvent{Key: told.key, Value: told.text, Timestamp: told.time})
	}
	return harness.Send(events...)
}

func newSums(t *testing.T) *Harness {
	t.Helper()
	harness, err := NewHarness(&sums{}, "")
	if err != nil {
		t.Fatal(err)
	}
	return harness
}

// sumsAt are what came out at a sink, as KEY START..END EVENTS/SUM.
func sumsAt(t *testing.T, run Run, sink string) (found []string) {
	t.Helper()
	for _, output := range run.Outputs {
		if output.Sink != sink {
			continue
		}
		var window Window[sum]
		if err := json.Unmarshal(output.Value, &window); err != nil {
			t.Fatal(err)
		}
		equal(t, output.Timestamp, window.End)
		found = append(found, fmt.Sprintf("%s %d..%d %d/%d", output.Key, window.Start, window.End, window.Value.Events, window.Value.Sum))
	}
	return found
}

func TestAWindowClosesByAnEventOfItsKeyOrByATimerWhenItsGraceIsOver(t *testing.T) {
	run := add(newSums(t), told{"a", 10, "1"}, told{"b", 20, "2"}, told{"a", 129, "3"}, told{"a", 99, "4"}, told{"a", 130, "5"},
		told{"b", 131, "6"}, told{"a", 98, "7"})
	// a closes by its event at 130, b by the timer right after it.
	equal(t, sumsAt(t, run, "tumbling"), []string{"a 0..100 2/5", "b 0..100 1/2"})
	var late []string
	for _, output := range run.Outputs {
		if output.Sink == "tumbling" {
			equal(t, output.Event, 4)
		}
		if output.Sink == "late" && output.Event == 6 {
			late = append(late, string(output.Key))
		}
	}
	if !slices.Contains(late, "tumbling") {
		t.Errorf("its window is closed: %v", late)
	}
}

func TestHoppingWindowsOverlap(t *testing.T) {
	run := add(newSums(t), told{"a", 50, "1"}, told{"a", 85, "2"}, told{"b", 500, "9"})
	equal(t, sumsAt(t, run, "hopping"), []string{"a -40..60 1/1", "a 0..100 2/3", "a 40..140 2/3", "a 80..180 1/2"})
}

func TestSessionsEndAfterAGapAndAreJoinedByWhatComesLate(t *testing.T) {
	run := add(newSums(t), told{"a", 0, "1"}, told{"a", 49, "2"}, told{"a", 110, "4"}, told{"a", 80, "8"}, told{"b", 500, "9"})
	equal(t, sumsAt(t, run, "sessions"), []string{"a 0..160 4/15"})
	run = add(newSums(t), told{"a", 0, "1"}, told{"a", 50, "2"}, told{"b", 70, "0"}, told{"a", 120, "4"}, told{"b", 500, "9"})
	equal(t, sumsAt(t, run, "sessions"), []string{"a 0..50 1/1", "a 50..100 1/2", "b 70..120 1/0", "a 120..170 1/4"})
}

func TestRunningResultsComeWithEachEventAndNeedNoTimer(t *testing.T) {
	harness := newSums(t)
	run := add(harness, told{"a", 10, "1"}, told{"a", 20, "2"}, told{"a", 120, "4"}, told{"a", 99, "8"})
	equal(t, sumsAt(t, run, "running"), []string{"a 0..100 1/1", "a 0..100 2/3", "a 100..200 1/4"})
	for timer := range harness.timers {
		if strings.HasPrefix(timer.key, "running") {
			t.Errorf("the timer %q is set", timer.key)
		}
	}
	equal(t, harness.wiring.stores[3].declared().ttl, int64(100))
}

func TestNothingIsLeftWhenAllWindowsAreClosed(t *testing.T) {
	harness := newSums(t)
	add(harness, told{"a", 10, "1"}, told{"b", 20, "2"}, told{"a", 120, "4"}, told{"z", 100_000, "0"})
	for index := range 3 {
		equal(t, slices.Collect(maps.Keys(harness.stores[index])), []string{"z"})
	}
	var timers []string
	for timer := range harness.timers {
		timers = append(timers, timer.key)
	}
	slices.Sort(timers)
	equal(t, timers, []string{"hopping\x00z", "sessions\x00z", "tumbling\x00z"})
}

func TestWhatIsKeptOfAKeyHasTheFormThatItHasInRust(t *testing.T) {
	harness := newSums(t)
	add(harness, told{"é", 10, "1"})
	kept := `{"windows":[{"start":0,"end":100,"value":{"events":1,"sum":1}}]`
	equal(t, harness.Entry("tumbling", "é"), kept+`,"wakes":130}`)
	equal(t, harness.Entry("running", "é"), kept+"}")
}

// story is out of order by up to 60 ms, with gaps and failures; the same each time.
func story() (story []told) {
	random := uint64(7)
	next := func(below uint64) int64 {
		random = random*6_364_136_223_846_793_005 + 1_442_695_040_888_963_407
		return int64((random >> 33) % below)
	}
	time := int64(0)
	for range 600 {
		if next(20) == 0 {
			time += next(400)
		} else {
			time += next(12)
		}
		key := "abcde"[next(5):][:1]
		at := max(time-next(60), 0)
		story = append(story, told{key, at, strconv.FormatInt(next(50)-2, 10)})
	}
	return story
}

func TestResultsDoNotDependOnHowEventsAreCutIntoCallsNorOnWhatTheInstanceStillKnows(t *testing.T) {
	type left struct {
		outputs []string
		stores  []map[string]testEntry
		timers  map[testTimer]int64
	}
	handled := func(eventsACall, restartEvery int) left {
		harness := newSums(t)
		harness.EventsACall = eventsACall
		var outputs []string
		for part := range slices.Chunk(story(), restartEvery) {
			for _, output := range add(harness, part...).Outputs {
				outputs = append(outputs, fmt.Sprintf("%s %s %s", output.Sink, output.Key, output.Value))
			}
			fresh, _, err := configure(&sums{}, []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			harness.instance = fresh
		}
		return left{outputs, harness.stores, harness.timers}
	}
	expected := handled(500, 600)
	if len(expected.outputs) <= 900 {
		t.Errorf("%d results are few", len(expected.outputs))
	}
	equal(t, handled(1, 600), expected)
	equal(t, handled(7, 600), expected)
	equal(t, handled(500, 13), expected)
}

func TestFinalResultsAreWhatTheEventsInTimeAddUpTo(t *testing.T) {
	type window struct {
		key   string
		start int64
	}
	streamTime := int64(-1)
	all := map[window]sum{}
	for _, told := range story() {
		streamTime = max(streamTime, told.time)
		number, _ := strconv.ParseInt(told.text, 10, 64)
		in := window{told.key, told.time / 100 * 100}
		if number >= 0 && in.start+130 > streamTime {
			all[in] = sum{all[in].Events + 1, all[in].Sum + number}
		}
	}
	var expected []string
	for in, sum := range all {
		if in.start+130 <= streamTime {
			expected = append(expected, fmt.Sprintf("%s %d..%d %d/%d", in.key, in.start, in.start+100, sum.Events, sum.Sum))
		}
	}
	found := sumsAt(t, add(newSums(t), story()...), "tumbling")
	slices.Sort(expected)
	slices.Sort(found)
	equal(t, found, expected)
}

func TestTimesAtTheEndOfAllDoNoHarm(t *testing.T) {
	harness := newSums(t)
	equal(t, len(add(harness, told{"a", math.MaxInt64, "1"}, told{"a", 0, "1"}).Failures), 0)
}

// lists shows what is open, and says when an event is late.
type lists struct {
	windows *Windows[[]string]
	out     Sink
}

func (l *lists) Configure(w *Wiring) error {
	w.Input("in")
	l.windows = NewTumbling[[]string](w, "lists", 100*ms)
	l.out = w.Sink("out")
	return nil
}

func (l *lists) Process(e *Event, ctx *Context) error {
	if string(e.Value) == "look" {
		open, err := l.windows.Open(ctx, e.Key)
		return cmp.Or(err, ctx.EmitJSON(l.out, nil, open))
	}
	update, err := l.windows.Update(ctx, e.Key, func(list *[]string) { *list = append(*list, string(e.Value)) })
	return cmp.Or(err, ctx.EmitJSON(l.out, nil, update.Late))
}

func (l *lists) OnTimer(t *Timer, ctx *Context) error {
	_, err := l.windows.OnTimer(ctx, t)
	return err
}

func TestOpenWindowsCanBeLookedAtUntilTheyClose(t *testing.T) {
	harness, err := NewHarness(&lists{}, "")
	if err != nil {
		t.Fatal(err)
	}
	run := add(harness, told{"a", 1, "x"}, told{"a", 99, "y"}, told{"a", 99, "look"}, told{"b", 100, "z"}, told{"a", 99, "late"}, told{"a", 99, "look"})
	var values []string
	for _, output := range run.Outputs {
		values = append(values, string(output.Value))
	}
	equal(t, values, []string{"false", "false", `[{"start":0,"end":100,"value":["x","y"]}]`, "false", "true", "null"})
	equal(t, slices.Collect(maps.Keys(harness.stores[0])), []string{"b"})
}

func TestATimeIsInTheWindowsThatBeginUpToTheirSizeBefore(t *testing.T) {
	for _, every := range []int64{1, 3, 7, 10} {
		for time := int64(-30); time < 30; time++ {
			var expected []int64
			for start := -60 * every; start < 60*every; start += every {
				if start <= time && time < start+10 {
					expected = append(expected, start)
				}
			}
			equal(t, slices.Collect((&span{size: 10, every: every}).starts(time)), expected)
		}
	}
}

// openAfter is what is open after events, each with its own stream time: start, end and the times that were added.
func openAfter(span span, events ...[2]int64) string {
	windows := Windows[[]int64]{span: span, merge: func(into *[]int64, other []int64) { *into = append(*into, other...) }}
	var kept keptWindows[[]int64]
	for _, event := range events {
		kept.close(&span, event[1])
		kept.add(&windows, event[0], event[1], func(times *[]int64) { *times = append(*times, event[0]) })
	}
	var found []string
	for _, window := range kept.Windows {
		found = append(found, fmt.Sprintf("%d..%d %d", window.Start, window.End, window.Value))
	}
	return strings.Join(found, ", ")
}

func TestAnEventIsInEachWindowThatIsStillOpen(t *testing.T) {
	span := span{size: 10, every: 5, grace: 5}
	equal(t, openAfter(span, [2]int64{7, 7}), "0..10 [7], 5..15 [7]")
	equal(t, openAfter(span, [2]int64{7, 14}), "0..10 [7], 5..15 [7]")
	equal(t, openAfter(span, [2]int64{7, 15}), "5..15 [7]")
	equal(t, openAfter(span, [2]int64{7, 20}), "")
}

func TestSessionsGrowJoinAndAreApartByAGap(t *testing.T) {
	hasty := span{size: 10, session: true}
	patient := span{size: 10, session: true, grace: 100}
	equal(t, openAfter(hasty, [2]int64{0, 0}, [2]int64{9, 9}), "0..19 [0 9]")
	equal(t, openAfter(hasty, [2]int64{10, 5}, [2]int64{0, 5}), "0..10 [0], 10..20 [10]")
	equal(t, openAfter(patient, [2]int64{0, 19}, [2]int64{18, 19}, [2]int64{9, 19}), "0..28 [0 18 9]")
	equal(t, openAfter(patient, [2]int64{20, 20}, [2]int64{11, 20}), "11..30 [20 11]")
	// Alone it would be closed; the session that it joins is not.
	equal(t, openAfter(hasty, [2]int64{5, 5}, [2]int64{2, 13}), "2..15 [5 2]")
	equal(t, openAfter(hasty, [2]int64{2, 13}), "")
}

// declaring declares something, and does nothing.
type declaring func(w *Wiring)

func (d declaring) Configure(w *Wiring) error {
	d(w)
	return nil
}

func (declaring) Process(*Event, *Context) error { return nil }

func TestWindowsThatMakeNoSenseAreRefused(t *testing.T) {
	minute, hour := time.Minute, time.Hour
	merge := func(into *int, other int) { *into += other }
	for wrong, declare := range map[string]declaring{
		"":                                 func(w *Wiring) { NewHopping[int](w, "fine", hour, minute, Grace(hour)) },
		"leave out events":                 func(w *Wiring) { NewHopping[int](w, "wrong", minute, hour) },
		"up to 10001 of a key":             func(w *Wiring) { NewHopping[int](w, "wrong", 10*ms, ms, Grace(9991*ms)) },
		"a size, or begin in intervals":    func(w *Wiring) { NewTumbling[int](w, "wrong", time.Microsecond) },
		"a gap of less than a millisecond": func(w *Wiring) { NewSessions(w, "wrong", 0, merge) },
		"have a TTL":                       func(w *Wiring) { NewTumbling[int](w, "wrong", hour, TTL(hour)) },
		`the store "a" is declared twice`:  func(w *Wiring) { NewStore[int](w, "a"); NewTumbling[int](w, "a", hour) },
	} {
		_, err := NewHarness(declare, "")
		if (wrong == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%v instead of %q", err, wrong)
		}
	}
	harness, err := NewHarness(declaring(func(w *Wiring) { NewTumbling[int](w, "fine", hour, Version(3), KeyedByEvent()) }), "")
	if err != nil {
		t.Fatal(err)
	}
	declared := harness.wiring.stores[0].declared()
	equal(t, []any{declared.version, declared.keyedByEvent, declared.ttl}, []any{uint32(3), true, int64(0)})
}
