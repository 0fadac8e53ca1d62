package wasmill

import (
	"bytes"
	"fmt"
	"time"
)

// Windows are declared in Configure: a T for each key and window, made of the events whose timestamps are in it. See
// [NewTumbling], [NewHopping] and [NewSessions].
//
// A window closes when stream time is as far as its end, and as much further as its [Grace]. Its result comes out then, once and
// for good: right away where an event of the same key comes, or else by a timer, so the plugin's OnTimer must call
// [Windows.OnTimer]. With [Running] results there is one with each event instead. Either way they depend on the events alone: not
// on the wall clock, nor on how events are cut into calls.
//
//	func (r *Rates) Configure(w *wasmill.Wiring) error {
//		w.Input("orders")
//		r.orders = wasmill.NewTumbling[int](w, "orders-a-minute", time.Minute, wasmill.Grace(5*time.Second))
//		r.rates = w.Sink("rates")
//		return nil
//	}
//
//	func (r *Rates) Process(e *wasmill.Event, ctx *wasmill.Context) error {
//		update, err := r.orders.Update(ctx, e.Key, func(count *int) { *count++ })
//		if err != nil {
//			return err
//		}
//		return r.send(update.Results, ctx)
//	}
//
//	func (r *Rates) OnTimer(t *wasmill.Timer, ctx *wasmill.Context) error {
//		closed, err := r.orders.OnTimer(ctx, t)
//		if err != nil {
//			return err
//		}
//		return r.send(closed, ctx)
//	}
//
//	func (r *Rates) send(windows []wasmill.Window[int], ctx *wasmill.Context) error {
//		for _, window := range windows {
//			if err := ctx.EmitJSON(r.rates, window.Key, window); err != nil {
//				return err
//			}
//		}
//		return nil
//	}
type Windows[T any] struct {
	name  string
	span  span
	store *Store[keptWindows[T]]
	// merge adds the second of two sessions to the first.
	merge func(into *T, other T)
}

// Window is a window, and what is in it.
type Window[T any] struct {
	Key []byte `json:"-"`
	// Start is in milliseconds since the Unix epoch. Of a session, it is the time of its first event.
	Start int64 `json:"start"`
	// End is not in the window. Of a session, it is the time of its last event and the gap.
	End int64 `json:"end"`
	// Value is what the events in it made of it.
	Value T `json:"value"`
}

// WindowUpdate is what an event came to.
type WindowUpdate[T any] struct {
	// Results are to be sent: the windows that closed, or, with running results, those that the event is in.
	Results []Window[T]
	// Late: the event is in no window; those that it would have been in are closed.
	Late bool
}

// WindowOption says more of windows: [Grace] and [Running], and of those of their store [Version] and [KeyedByEvent].
type WindowOption interface{ ofWindows(*declaredWindows) }

type declaredWindows struct {
	span
	store []StoreOption
}

type windowOption func(*declaredWindows)

func (o windowOption) ofWindows(windows *declaredWindows) { o(windows) }

func (o StoreOption) ofWindows(windows *declaredWindows) { windows.store = append(windows.store, o) }

// Grace is how long a window waits for events that come late: not at all unless given.
func Grace(grace time.Duration) WindowOption {
	return windowOption(func(windows *declaredWindows) { windows.grace = max(grace.Milliseconds(), 0) })
}

// Running has a result come with each event, of each window that it is in, instead of one at the end.
func Running() WindowOption {
	return windowOption(func(windows *declaredWindows) { windows.running = true })
}

// NewTumbling declares windows of a fixed size, one after the other: from 10:00 to 10:05, from 10:05 to 10:10 (UTC). Each event is
// in one. They are kept in a store of this name.
func NewTumbling[T any](w *Wiring, name string, size time.Duration, options ...WindowOption) *Windows[T] {
	return NewHopping[T](w, name, size, size, options...)
}

// NewHopping declares windows of a fixed size that begin in shorter intervals, and so overlap: five minutes every minute. Each
// event is in several. They are kept in a store of this name.
func NewHopping[T any](w *Wiring, name string, size, every time.Duration, options ...WindowOption) *Windows[T] {
	return newWindows[T](w, name, span{size: size.Milliseconds(), every: every.Milliseconds()}, nil, options)
}

// NewSessions declares windows that last as long as events of their key come: a session ends when none came for the gap. The
// function adds the second of two sessions to the first, when an event that comes late joins them. They are kept in a store of
// this name.
func NewSessions[T any](w *Wiring, name string, gap time.Duration, merge func(into *T, other T), options ...WindowOption) *Windows[T] {
	return newWindows(w, name, span{size: gap.Milliseconds(), session: true}, merge, options)
}

func newWindows[T any](w *Wiring, name string, span span, merge func(into *T, other T), options []WindowOption) *Windows[T] {
	declared := declaredWindows{span: span}
	for _, option := range options {
		option.ofWindows(&declared)
	}
	store := NewStore[keptWindows[T]](w, name, declared.store...)
	if err := declared.check(name); err != nil {
		w.wrong = append(w.wrong, err)
	}
	spec := &store.slots.spec
	if spec.ttl != 0 {
		w.wrong = append(w.wrong, fmt.Errorf("the windows %q have a TTL: they are kept until they close", name))
	}
	if declared.running {
		spec.ttl = max(declared.lifetime(), 1)
	}
	return &Windows[T]{name, declared.span, store, merge}
}

// Update has the function change the value of each window of a key that the event at hand is in; new ones begin with the zero
// value.
func (w *Windows[T]) Update(c *Context, key []byte, change func(value *T)) (update WindowUpdate[T], err error) {
	kept, _, err := w.store.Get(c, key)
	if err != nil {
		return update, err
	}
	closed := kept.close(&w.span, c.streamTime)
	changed := kept.add(w, c.run.timestamps[c.source], c.streamTime, change)
	update.Late = len(changed) == 0
	results := closed
	if w.span.running {
		results = changed
	}
	update.Results = windowsOf(key, results)
	if !update.Late || len(update.Results) > 0 {
		err = w.keep(c, key, &kept)
	}
	return update, err
}

// OnTimer answers the windows that a timer closed; none if it is another's.
func (w *Windows[T]) OnTimer(c *Context, timer *Timer) ([]Window[T], error) {
	key, own := bytes.CutPrefix(timer.Key, w.timerKey(nil))
	if !own || timer.Clock != EventTime {
		return nil, nil
	}
	kept, found, err := w.store.Get(c, key)
	if err != nil || !found {
		return nil, err
	}
	// It is gone; a session may have grown since it was set.
	kept.Wakes = nil
	closed := kept.close(&w.span, c.streamTime)
	return windowsOf(key, closed), w.keep(c, key, &kept)
}

// Open are the windows of a key that are open.
func (w *Windows[T]) Open(c *Context, key []byte) ([]Window[T], error) {
	kept, _, err := w.store.Get(c, key)
	if err != nil {
		return nil, err
	}
	kept.close(&w.span, c.streamTime)
	return windowsOf(key, kept.Windows), nil
}

func (w *Windows[T]) keep(c *Context, key []byte, kept *keptWindows[T]) error {
	// Running results need no end: what nobody touches any more is gone by the store's TTL.
	if !w.span.running {
		next, some := kept.nextClose(&w.span)
		switch {
		case !some && kept.Wakes != nil:
			c.pushTimer(w.timerKey(key), lengthNull, EventTime)
		case some && (kept.Wakes == nil || next < *kept.Wakes || *kept.Wakes <= c.streamTime):
			// One that is set for an earlier time will see for itself.
			c.pushTimer(w.timerKey(key), max(next, 0), EventTime)
			kept.Wakes = &next
		}
	}
	if len(kept.Windows) == 0 {
		return w.store.Delete(c, key)
	}
	return w.store.Put(c, key, *kept)
}

// timerKey: its timers begin with its name, so that several in a plugin tell theirs apart.
func (w *Windows[T]) timerKey(key []byte) []byte {
	return append(append([]byte(w.name), 0), key...)
}

func windowsOf[T any](key []byte, windows []openWindow[T]) []Window[T] {
	var all []Window[T]
	for _, window := range windows {
		all = append(all, Window[T]{key, window.Start, window.End, window.Value})
	}
	return all
}
