package wasmill

import "time"

// Clock is what a timer goes by.
type Clock uint8

const (
	// EventTime is the stream time of the task: see [Context.StreamTime].
	EventTime Clock = iota
	// WallClock is the clock on the wall.
	WallClock
)

// Timer is a timer that is due.
type Timer struct {
	// Key is what it was set under.
	Key []byte
	// At is when it was set for; it never fires before.
	At time.Time
	// Clock is what it goes by.
	Clock Clock
	at    int64
}

// SetTimer has OnTimer called with this key when the clock says at. There is one timer a key and clock: another one takes its
// place. A plugin that sets timers declares a store, which they are kept with.
func (c *Context) SetTimer(key []byte, at time.Time, clock Clock) {
	// A time before 1970 counts as 1970; -1 would cancel.
	c.pushTimer(key, max(at.UnixMilli(), 0), clock)
}

// CancelTimer takes back the timer of this key and clock, if there is one.
func (c *Context) CancelTimer(key []byte, clock Clock) { c.pushTimer(key, -1, clock) }

func (c *Context) pushTimer(key []byte, at int64, clock Clock) {
	timers := &c.answer.timers
	timers.sources = append(timers.sources, c.source)
	timers.clocks = append(timers.clocks, clock)
	timers.at = append(timers.at, at)
	timers.keyLengths = append(timers.keyLengths, uint32(len(key)))
	timers.keys = append(timers.keys, key...)
}

// timerIsDue says whether the run must end because of a timer on event time that was set in this very run: the host looks at
// the timers before the next event. A failed event moves stream time as well.
func (c *Context) timerIsDue() bool {
	timers := &c.answer.timers
	for index := c.mark.timers; index < len(timers.at); index++ {
		if at := timers.at[index]; timers.clocks[index] == EventTime && at >= 0 {
			c.earliest = min(c.earliest, at)
		}
	}
	return c.earliest <= c.streamTime
}

// disturbed says whether the timer at hand has set one that is due already, or changed one of those that follow.
func (c *Context) disturbed(follow []Timer) bool {
	timers := &c.answer.timers
	keys := timers.keys[c.mark.timerKeys:]
	for index := c.mark.timers; index < len(timers.at); index++ {
		at, clock, key := timers.at[index], timers.clocks[index], takeBytes(&keys, int(timers.keyLengths[index]))
		now := c.streamTime
		if clock == WallClock {
			now = c.run.now
		}
		if at >= 0 && at <= now {
			return true
		}
		for _, other := range follow {
			if other.Clock == clock && string(other.Key) == string(key) {
				return true
			}
		}
	}
	return false
}
