package wasmill

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// instance is a configured plugin.
type instance struct {
	plugin  Plugin
	timers  TimerHandler
	context Context
	event   Event
}

// configureExported makes one of the module's plugin. A panic is the reason why not.
func configureExported(settings []byte) (made *instance, wiring *Wiring, err error) {
	defer func() {
		if value := recover(); value != nil {
			slog.Error("configure panicked", "panic", value, "stack", string(debug.Stack()))
			err = fmt.Errorf("configure panicked: %v", value)
		}
	}()
	if exported == nil {
		return nil, nil, errors.New("the module has no plugin: call wasmill.Export in an init function")
	}
	return configure(exported, settings)
}

// configure makes an instance from the settings, which are JSON text.
func configure(plugin Plugin, settings []byte) (*instance, *Wiring, error) {
	wiring := &Wiring{settings: settings}
	if err := plugin.Configure(wiring); err != nil {
		return nil, nil, err
	}
	if err := wiring.check(); err != nil {
		return nil, nil, err
	}
	handler, _ := plugin.(TimerHandler)
	made := &instance{plugin: plugin, timers: handler}
	made.context.answer = &answer{}
	made.context.stores = wiring.stores
	return made, wiring, nil
}

// process handles a run of events. A panic ends the loop over them, and the rest begins another one: so an event that does not
// panic pays nothing for those that do.
func (i *instance) process(run *batch) *answer {
	i.context.beginCall(run)
	rest := events{run: run, data: run.data, headers: run.headers}
	for goesOn := true; goesOn; {
		goesOn = i.processSome(&rest)
	}
	return i.context.endCall()
}

func (i *instance) processSome(rest *events) (goesOn bool) {
	c := &i.context
	defer func() {
		if value := recover(); value != nil {
			goesOn = c.recovered(value) && !c.timerIsDue()
		}
	}()
	for rest.next(&i.event) {
		c.headers = i.event.headers
		if time := i.event.Timestamp; time <= rest.run.latest && time > c.streamTime {
			c.streamTime = time
		}
		c.begin()
		if goesOn := c.finish(i.plugin.Process(&i.event, c)); !goesOn || c.timerIsDue() {
			return false
		}
	}
	return false
}

// processTimers handles timers that are due. Of the run only the task matters, and the timestamps, which are theirs.
func (i *instance) processTimers(run *batch, due []Timer) *answer {
	i.context.beginCall(run)
	for goesOn := true; goesOn; {
		goesOn = i.processSomeTimers(due)
	}
	return i.context.endCall()
}

func (i *instance) processSomeTimers(due []Timer) (goesOn bool) {
	c := &i.context
	defer func() {
		if value := recover(); value != nil {
			goesOn = c.recovered(value)
		}
	}()
	for int(c.answer.done) < len(due) {
		c.begin()
		var err error
		if i.timers != nil {
			err = i.timers.OnTimer(&due[c.source], c)
		}
		if goesOn := c.finish(err); !goesOn || c.disturbed(due[c.source+1:]) {
			return false
		}
	}
	return false
}

// events walks the events of a run.
type events struct {
	run     *batch
	index   int
	data    []byte
	headers headers
}

func (e *events) next(event *Event) bool {
	run, index := e.run, e.index
	if index == len(run.offsets) {
		return false
	}
	e.index++
	event.Input = Input{run.input}
	event.Topic = run.topic
	event.Partition = run.partition
	event.Offset = run.offsets[index]
	event.Timestamp = run.timestamps[index]
	event.Key, event.Value = nil, nil
	if length := run.keyLengths[index]; length >= 0 {
		event.Key = takeBytes(&e.data, int(length))
	}
	if length := run.valueLengths[index]; length >= 0 {
		event.Value = takeBytes(&e.data, int(length))
	}
	event.headers = headers{}
	if len(run.headerCounts) > 0 {
		event.headers = e.headers.takeSome(int(run.headerCounts[index]))
	}
	return true
}
