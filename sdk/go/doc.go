// Package wasmill is what a Wasmill plugin in Go is written with.
//
// A plugin is a type with two methods: Configure names its inputs, sinks and stores, and Process answers each event. Export
// makes it the module's:
//
//	type Fraud struct{ alerts wasmill.Sink }
//
//	func (f *Fraud) Configure(w *wasmill.Wiring) error {
//		w.Input("orders")
//		f.alerts = w.Sink("fraud-alerts")
//		return w.Settings(&struct{}{})
//	}
//
//	func (f *Fraud) Process(e *wasmill.Event, ctx *wasmill.Context) error {
//		order, err := wasmill.Read[Order](e)
//		if err != nil {
//			return err
//		}
//		if order.Amount > 300 {
//			ctx.Forward(f.alerts)
//		}
//		return nil
//	}
//
//	func init() { wasmill.Export(wasmill.About{Name: "fraud", Version: "0.1.0"}, &Fraud{}) }
//
//	func main() {}
//
// The host makes several instances of a module and may replace any of them between two calls: what must last belongs in a
// [Store], and not in a field. An error or a panic in Process costs that event alone: it has no effects then, and is
// dead-lettered with the message, and the stack of a panic.
//
// What is logged with log/slog or log goes to the host's log, and so does what is printed.
package wasmill
