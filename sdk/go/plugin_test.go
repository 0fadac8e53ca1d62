//go:build !wasip1

package wasmill

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// actor does what the event's value names.
type actor struct {
	counts *Store[int]
	lists  *Store[[]string]
	out    Sink
}

func (a *actor) Configure(w *Wiring) error {
	w.Input("in")
	a.counts = NewStore[int](w, "counts", KeyedByEvent(), TTL(100*time.Millisecond))
	a.lists = NewStore[[]string](w, "lists")
	a.out = w.Sink("out")
	return w.Settings(&struct{}{})
}

func (a *actor) Process(e *Event, ctx *Context) error {
	switch verb, rest, _ := strings.Cut(string(e.Value), " "); verb {
	case "count":
		count, err := a.counts.Update(ctx, e.Key, func(count *int) { *count++ })
		if err != nil {
			return err
		}
		return ctx.EmitJSON(a.out, nil, count)
	case "append":
		_, err := a.lists.Update(ctx, e.Key, func(list *[]string) { *list = append(*list, rest) })
		return err
	case "spoil":
		// Changes what it got, and fails.
		list, _, err := a.lists.Get(ctx, e.Key)
		if err != nil {
			return err
		}
		list[0] = "spoilt"
		if err := a.lists.Put(ctx, e.Key, list); err != nil {
			return err
		}
		ctx.Forward(a.out)
		ctx.SetTimer(e.Key, e.Time(), EventTime)
		if rest == "panic" {
			panic("spoilt")
		}
		return fmt.Errorf("wrapped: %w", Reject("spoilt", "it is"))
	case "delete":
		return a.lists.Delete(ctx, e.Key)
	case "show":
		for key, list := range a.lists.Scan(ctx, Keys{Reverse: rest == "reverse"}) {
			ctx.Emit(a.out, Output{Key: key, Value: []byte(strings.Join(list, "+"))})
		}
	case "in":
		after, err := time.ParseDuration(rest)
		ctx.SetTimer(e.Key, e.Time().Add(after), EventTime)
		return err
	case "headers":
		ctx.Emit(a.out, Output{Value: Null})
		ctx.Emit(a.out, Output{KeepHeaders: true, Key: Null})
		ctx.Emit(a.out, Output{KeepHeaders: true, Headers: []Header{{"n", nil}}, Timestamp: time.UnixMilli(7)})
		ctx.Emit(a.out, Output{Headers: []Header{{"traceparent", []byte("mine")}}})
		ctx.Forward(a.out)
	case "error":
		return fmt.Errorf("plain")
	}
	return nil
}

func (a *actor) OnTimer(t *Timer, ctx *Context) error {
	ctx.Emit(a.out, Output{Value: []byte("timer")})
	if string(t.Key) == "again" && t.At.UnixMilli() < 30 {
		ctx.SetTimer(t.Key, t.At.Add(10*time.Millisecond), EventTime)
	}
	return nil
}

// say is an event "KEY VERB…" at a time.
func say(at int64, text string) TestEvent {
	key, value, _ := strings.Cut(text, " ")
	return TestEvent{Key: key, Value: value, Timestamp: at}
}

// checkRun has the same events handled in calls of every size.
func checkRun(t *testing.T, events []TestEvent, check func(t *testing.T, run Run, harness *Harness)) {
	t.Helper()
	for _, size := range []int{1, 2, 3, 500} {
		harness, err := NewHarness(&actor{}, "")
		if err != nil {
			t.Fatal(err)
		}
		harness.EventsACall = size
		check(t, harness.Send(events...), harness)
	}
}

func said(run Run) []string {
	var said []string
	for _, output := range run.Outputs {
		said = append(said, fmt.Sprintf("%d %s=%s", output.Event, output.Key, output.Value))
	}
	return said
}

func equal(t *testing.T, got, wanted any) {
	t.Helper()
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("%v instead of %v", got, wanted)
	}
}

func TestWhatAnEventWritesTheNextOneSees(t *testing.T) {
	events := []TestEvent{say(0, "a count"), say(0, "b count"), say(0, "a count"), say(99, "a count"), say(100, "b count"), say(199, "a count")}
	checkRun(t, events, func(t *testing.T, run Run, harness *Harness) {
		equal(t, said(run), []string{"0 a=1", "1 b=1", "2 a=2", "3 a=3", "4 b=1", "5 a=1"})
		equal(t, harness.Entry("counts", "a"), "1")
	})
}

func TestAFailedEventHasDoneNothing(t *testing.T) {
	events := []TestEvent{say(0, "a append x"), say(1, "a spoil"), say(2, "a spoil panic"), say(3, "a append y"), say(4, "a error"), say(5, "a show")}
	checkRun(t, events, func(t *testing.T, run Run, harness *Harness) {
		equal(t, said(run), []string{"5 a=x+y"})
		equal(t, harness.Entry("lists", "a"), `["x","y"]`)
		equal(t, len(run.Failures), 3)
		for index, code := range []string{"spoilt", "panic", "error"} {
			equal(t, run.Failures[index].Failure.Code, code)
		}
		panicked := run.Failures[1]
		equal(t, panicked.Event, 2)
		equal(t, panicked.Failure.Message, "spoilt")
		if !strings.Contains(panicked.Failure.Detail, "plugin_test.go") {
			t.Errorf("the stack does not name the file: %s", panicked.Failure.Detail)
		}
	})
}

func TestAScanShowsWhatIsThereNow(t *testing.T) {
	events := []TestEvent{
		say(0, "c append 1"), say(0, "a append 2"), say(0, "b append 3"), say(0, "a append 4"), say(0, "c delete"), say(0, "x show"),
		say(0, "x show reverse"),
	}
	checkRun(t, events, func(t *testing.T, run Run, _ *Harness) {
		equal(t, said(run), []string{"5 a=2+4", "5 b=3", "6 b=3", "6 a=2+4"})
	})
}

func TestATimerFiresBetweenTheSameTwoEvents(t *testing.T) {
	events := []TestEvent{say(0, "k in 5ms"), say(4, "k nothing"), say(5, "k count"), say(6, "k count"), say(7, "again in 0s"), say(40, "k count")}
	checkRun(t, events, func(t *testing.T, run Run, _ *Harness) {
		equal(t, said(run), []string{"2 k=1", "2 k=timer", "3 k=2", "4 again=timer", "5 k=3", "5 again=timer", "5 again=timer", "5 again=timer"})
	})
}

func TestHeadersAndWhatIsLeftOut(t *testing.T) {
	event := say(5, "k headers")
	event.Headers = []Header{{"a", []byte("1")}, {"traceparent", []byte("t")}, {"z", nil}}
	checkRun(t, []TestEvent{say(1, "k nothing"), event}, func(t *testing.T, run Run, _ *Harness) {
		trace := []Header{{"traceparent", []byte("t")}}
		equal(t, run.Outputs[0].Headers, trace)
		equal(t, run.Outputs[0].Value, []byte(nil))
		equal(t, run.Outputs[1].Headers, event.Headers)
		equal(t, run.Outputs[1].Key, []byte(nil))
		equal(t, run.Outputs[2].Headers, append(append([]Header{}, event.Headers...), Header{"n", nil}))
		equal(t, run.Outputs[2].Timestamp, int64(7))
		equal(t, run.Outputs[3].Headers, []Header{{"traceparent", []byte("mine")}})
		equal(t, run.Outputs[4].Headers, event.Headers)
		equal(t, []int64{run.Outputs[0].Timestamp, run.Outputs[4].Timestamp}, []int64{5, 5})
	})
}

func TestSettingsThatNobodyKnowsAreRefused(t *testing.T) {
	_, err := NewHarness(&actor{}, `{"x": 1}`)
	if err == nil || !strings.Contains(err.Error(), `unknown field "x"`) {
		t.Error(err)
	}
}

func TestEntriesBeyondTheBudgetAreFetchedAgain(t *testing.T) {
	harness, err := NewHarness(&actor{}, "")
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		for key := range 300 {
			harness.Send(say(int64(round), fmt.Sprintf("k%d count", key)))
			harness.instance.context.stores[0].end(100 * overhead)
		}
	}
	equal(t, harness.Entry("counts", "k7"), "3")
	slots := harness.instance.context.stores[0].(*slots[int])
	if len(slots.all) > 100 || len(slots.task) != len(slots.all) {
		t.Errorf("%d entries are kept, %d known", len(slots.all), len(slots.task))
	}
}
