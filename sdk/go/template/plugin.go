// Passes on orders above a threshold.
package main

import "wasmill"

// LargeOrders is the plugin.
type LargeOrders struct {
	settings Settings
	out      wasmill.Sink
}

// Settings are what the [settings] table of the plugin's configuration may say.
type Settings struct {
	// Threshold: an order of more than this is passed on.
	Threshold wasmill.Decimal `json:"threshold"`
}

// Order is what is read of an order; other fields are passed over.
type Order struct {
	Amount wasmill.Decimal `json:"amount"`
}

// Configure says what comes in and what goes out. The topics have the same names unless the configuration says otherwise.
func (p *LargeOrders) Configure(w *wasmill.Wiring) error {
	p.settings = Settings{Threshold: wasmill.Whole(100)}
	w.Input("orders")
	p.out = w.Sink("{{name}}")
	return w.Settings(&p.settings)
}

// Process is called for each event: this is the place to write in.
func (p *LargeOrders) Process(e *wasmill.Event, ctx *wasmill.Context) error {
	// What is no order is rejected with the code bad-json, and goes to the dead-letter topic.
	order, err := wasmill.Read[Order](e)
	if err != nil {
		return err
	}
	if order.Amount.Compare(p.settings.Threshold) > 0 {
		ctx.Forward(p.out)
	}
	return nil
}

func init() {
	wasmill.Export(wasmill.About{
		Name: "{{name}}", Version: "0.1.0", Description: "Passes on orders above a threshold.",
	}, &LargeOrders{})
}

// A module is called by the host, and not run.
func main() {}
