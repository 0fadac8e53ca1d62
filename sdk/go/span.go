package wasmill

import (
	"fmt"
	"iter"
	"math"
)

// mostOpen is how many windows of a key may be open at once: they are one entry of a store.
const mostOpen = 1000

// span is when windows begin, end and close; times in milliseconds.
type span struct {
	// size and every: a window of a size begins every so often.
	size, every int64
	// session: a window ends when no event came for the gap, which is in size.
	session bool
	grace   int64
	// running: results come with each event instead of at the end.
	running bool
}

// lifetime is how long after its first event a window that gets no other is surely closed.
func (s *span) lifetime() int64 { return later(s.size, s.grace) }

// closes is the stream time at which a window with this end is closed.
func (s *span) closes(end int64) int64 { return later(end, s.grace) }

func (s *span) isClosed(end, streamTime int64) bool { return s.closes(end) <= streamTime }

// check refuses what makes no sense.
func (s *span) check(name string) error {
	switch {
	case s.session && s.size < 1:
		return fmt.Errorf("the windows %q have a gap of less than a millisecond", name)
	case s.session:
		return nil
	case s.size < 1 || s.every < 1:
		return fmt.Errorf("the windows %q have a size, or begin in intervals, of less than a millisecond", name)
	case s.every > s.size:
		return fmt.Errorf("the windows %q leave out events: they begin further apart than they are long", name)
	case s.lifetime()/s.every > mostOpen:
		return fmt.Errorf("the windows %q would have up to %d of a key open at once, with their grace; %d are the most",
			name, s.lifetime()/s.every, mostOpen)
	}
	return nil
}

// starts are the beginnings of the windows of a fixed size that a time is in, in order: multiples of every.
func (s *span) starts(time int64) iter.Seq[int64] {
	back := time % s.every
	if back < 0 {
		back += s.every
	}
	last, count := time-back, (s.size-1-back)/s.every+1
	return func(yield func(int64) bool) {
		for ; count > 0 && yield(last-(count-1)*s.every); count-- {
		}
	}
}

// later is a time and so many milliseconds after it; no time is later than the last one.
func later(time, by int64) int64 {
	if time > math.MaxInt64-by {
		return math.MaxInt64
	}
	return time + by
}
