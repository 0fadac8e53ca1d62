package wasmill

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Input is an input, as declared in Configure. Compare it with [Event.Input] in a plugin that has several.
type Input struct{ index uint32 }

// Sink is where outputs go, as declared in Configure.
type Sink struct{ index uint32 }

// Wiring is where a plugin declares its inputs, sinks and stores (see [NewStore]), by names of its own. The configuration
// may give each input and sink other topics than those that are named here.
type Wiring struct {
	settings []byte
	inputs   []port
	sinks    []port
	stores   []anyStore
	read     bool
	// wrong is what makes no sense about what was declared.
	wrong []error
}

// port is a named door, and the topic behind it.
type port struct {
	name, topic  string
	lastOfCommit bool
}

// Input declares an input that reads the topic of its name.
func (w *Wiring) Input(name string) Input { return w.InputFrom(name, name) }

// InputFrom declares an input, and the topic that it reads.
func (w *Wiring) InputFrom(name, topic string) Input {
	w.inputs = append(w.inputs, port{name: name, topic: topic})
	return Input{uint32(len(w.inputs) - 1)}
}

// Sink declares a sink that writes to the topic of its name.
func (w *Wiring) Sink(name string) Sink { return w.SinkTo(name, name) }

// SinkTo declares a sink, and the topic that it writes to.
func (w *Wiring) SinkTo(name, topic string) Sink {
	w.sinks = append(w.sinks, port{name: name, topic: topic})
	return Sink{uint32(len(w.sinks) - 1)}
}

// LastOfCommit has only the last one of the outputs to a sink that have the same key go out at each commit: for an
// aggregate of which readers want the newest value and not every step.
func (w *Wiring) LastOfCommit(sink Sink) { w.sinks[sink.index].lastOfCommit = true }

// Settings reads the plugin's settings, the [settings] table of its configuration, into a struct with json tags that has the
// defaults in it. What the struct has no field for is refused.
func (w *Wiring) Settings(into any) error {
	w.read = true
	decoder := json.NewDecoder(bytes.NewReader(w.settings))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("settings: there is something behind the object")
	}
	return nil
}

// check refuses settings that nobody reads, and names that are declared twice, which could not be told apart, and windows that make no
// sense.
func (w *Wiring) check() error {
	if !w.read {
		if err := w.Settings(&struct{}{}); err != nil {
			return err
		}
	}
	if len(w.wrong) > 0 {
		return w.wrong[0]
	}
	names := map[[2]string]bool{}
	declare := func(what, name string) error {
		if names[[2]string{what, name}] {
			return fmt.Errorf("the %s %q is declared twice", what, name)
		}
		names[[2]string{what, name}] = true
		return nil
	}
	for _, input := range w.inputs {
		if err := declare("input", input.name); err != nil {
			return err
		}
	}
	for _, sink := range w.sinks {
		if err := declare("sink", sink.name); err != nil {
			return err
		}
	}
	for _, store := range w.stores {
		if err := declare("store", store.declared().name); err != nil {
			return err
		}
	}
	return nil
}
