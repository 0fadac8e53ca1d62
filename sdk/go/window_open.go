package wasmill

import "slices"

// keptWindows is what is kept of a key.
type keptWindows[T any] struct {
	// Windows are open; they are in the order of their beginnings.
	Windows []openWindow[T] `json:"windows"`
	// Wakes is the time for which a timer is set.
	Wakes *int64 `json:"wakes,omitempty"`
}

// openWindow is a window that is not closed yet; its end is not in it.
type openWindow[T any] struct {
	Start int64 `json:"start"`
	End   int64 `json:"end"`
	Value T     `json:"value"`
}

// close takes out what is closed.
func (k *keptWindows[T]) close(span *span, streamTime int64) (closed []openWindow[T]) {
	for _, window := range k.Windows {
		if span.isClosed(window.End, streamTime) {
			closed = append(closed, window)
		}
	}
	if closed != nil {
		k.Windows = slices.DeleteFunc(k.Windows, func(window openWindow[T]) bool { return span.isClosed(window.End, streamTime) })
	}
	return closed
}

// nextClose is when the first of them closes.
func (k *keptWindows[T]) nextClose(span *span) (next int64, some bool) {
	for _, window := range k.Windows {
		if closes := span.closes(window.End); !some || closes < next {
			next, some = closes, true
		}
	}
	return next, some
}

// add has change change every open window that a time is in, and answers them; none if all of them are closed. What is closed must
// have been taken out.
func (k *keptWindows[T]) add(windows *Windows[T], time, streamTime int64, change func(value *T)) []openWindow[T] {
	if windows.span.session {
		return k.addToSession(windows, time, streamTime, change)
	}
	var changed []openWindow[T]
	index := 0
	for start := range windows.span.starts(time) {
		end := later(start, windows.span.size)
		if windows.span.isClosed(end, streamTime) {
			continue
		}
		for index < len(k.Windows) && k.Windows[index].Start < start {
			index++
		}
		if index == len(k.Windows) || k.Windows[index].Start != start {
			k.Windows = slices.Insert(k.Windows, index, openWindow[T]{Start: start, End: end})
		}
		change(&k.Windows[index].Value)
		changed = append(changed, k.Windows[index])
	}
	return changed
}

// addToSession: an event joins all sessions that it is less than a gap away from; alone it makes one, unless that is closed.
func (k *keptWindows[T]) addToSession(windows *Windows[T], start, streamTime int64, change func(value *T)) []openWindow[T] {
	end := later(start, windows.span.size)
	first := 0
	for first < len(k.Windows) && k.Windows[first].End <= start {
		first++
	}
	last := first
	for last < len(k.Windows) && k.Windows[last].Start < end {
		last++
	}
	if first == last && windows.span.isClosed(end, streamTime) {
		return nil
	}
	session := openWindow[T]{Start: start, End: end}
	for index, joined := range k.Windows[first:last] {
		if index == 0 {
			session = joined
			continue
		}
		windows.merge(&session.Value, joined.Value)
		session.End = joined.End
	}
	session.Start, session.End = min(session.Start, start), max(session.End, end)
	change(&session.Value)
	k.Windows = slices.Replace(k.Windows, first, last, session)
	return []openWindow[T]{session}
}
