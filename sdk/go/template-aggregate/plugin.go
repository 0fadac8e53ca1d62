// Totals of orders by customer.
package main

import "wasmill"

// Totals is the plugin.
type Totals struct {
	totals *wasmill.Store[Total]
	out    wasmill.Sink
}

// Total is what is remembered of a customer, and sent out each time it changes.
type Total struct {
	Orders  uint64          `json:"orders"`
	Largest wasmill.Decimal `json:"largest"`
}

// Order is what is read of an order; other fields are passed over.
type Order struct {
	CustomerID string          `json:"customer_id"`
	Amount     wasmill.Decimal `json:"amount"`
}

// Configure says what comes in, what goes out, and what is remembered. The topics have the same names unless the configuration
// says otherwise.
func (t *Totals) Configure(w *wasmill.Wiring) error {
	w.Input("orders")
	t.totals = wasmill.NewStore[Total](w, "totals")
	t.out = w.Sink("{{name}}")
	return nil
}

// Process is called for each event: this is the place to write in. What it puts into a store is kept together with the outputs,
// or, if the event fails, not at all. A store belongs to a partition: orders of one customer must be in the same one.
func (t *Totals) Process(e *wasmill.Event, ctx *wasmill.Context) error {
	// What is no order is rejected with the code bad-json, and goes to the dead-letter topic.
	order, err := wasmill.Read[Order](e)
	if err != nil {
		return err
	}
	customer := []byte(order.CustomerID)
	total, err := t.totals.Update(ctx, customer, func(total *Total) {
		total.Orders++
		if order.Amount.Compare(total.Largest) > 0 {
			total.Largest = order.Amount
		}
	})
	if err != nil {
		return err
	}
	return ctx.EmitJSON(t.out, customer, total)
}

func init() {
	wasmill.Export(wasmill.About{
		Name: "{{name}}", Version: "0.1.0", Description: "Totals of orders by customer.",
	}, &Totals{})
}

// A module is called by the host, and not run.
func main() {}
