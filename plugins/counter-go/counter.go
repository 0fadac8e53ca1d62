// Counts the events of each key, in a store.
package main

import "wasmill"

// Counter is the plugin.
type Counter struct {
	counts *wasmill.Store[uint64]
	out    wasmill.Sink
}

// Configure declares the wiring.
func (c *Counter) Configure(w *wasmill.Wiring) error {
	w.Input("events")
	c.counts = wasmill.NewStore[uint64](w, "counts", wasmill.KeyedByEvent())
	c.out = w.Sink("counts")
	return nil
}

// Process adds one.
func (c *Counter) Process(e *wasmill.Event, ctx *wasmill.Context) error {
	if e.Key == nil {
		return wasmill.Reject("no-key", "the event has no key to count it by")
	}
	count, err := c.counts.Update(ctx, e.Key, func(count *uint64) { *count++ })
	if err != nil {
		return err
	}
	return ctx.EmitJSON(c.out, nil, count)
}

func init() {
	wasmill.Export(wasmill.About{Name: "counter-go", Version: "0.1.0", Description: "Counts the events of each key."}, &Counter{})
}

func main() {}
