// Passes on orders that are both large and from a country that is not trusted: the rule of plugins/fraud, in Go.
package main

import (
	_ "embed"
	"slices"

	"wasmill"
)

// Fraud is the plugin.
type Fraud struct {
	settings Settings
	alerts   wasmill.Sink
}

// Settings are the plugin's.
type Settings struct {
	// Threshold: an order of more than this is large; of exactly this, it is not.
	Threshold wasmill.Decimal `json:"threshold"`
	// TrustedCountries: from here an order of any size is fine.
	TrustedCountries []string `json:"trusted-countries"`
}

// Order is what the rule needs of one; the rest is passed over.
type Order struct {
	Amount  wasmill.Decimal `json:"amount"`
	Country string          `json:"country"`
}

//go:embed settings.schema.json
var settingsSchema string

// Configure reads the settings and declares the wiring.
func (f *Fraud) Configure(w *wasmill.Wiring) error {
	f.settings = Settings{Threshold: wasmill.Whole(300), TrustedCountries: []string{"US", "CA"}}
	w.Input("orders")
	f.alerts = w.Sink("fraud-alerts")
	return w.Settings(&f.settings)
}

// Process passes a suspicious order on as it is.
func (f *Fraud) Process(e *wasmill.Event, ctx *wasmill.Context) error {
	// A tombstone says that an order is gone: there is nothing to suspect.
	if e.Value == nil {
		return nil
	}
	order, err := wasmill.Read[Order](e)
	if err != nil {
		return err
	}
	if f.settings.suspicious(&order) {
		ctx.Forward(f.alerts)
	}
	return nil
}

func (s *Settings) suspicious(order *Order) bool {
	return order.Amount.Compare(s.Threshold) > 0 && !slices.Contains(s.TrustedCountries, order.Country)
}

func init() {
	wasmill.Export(wasmill.About{
		Name:           "fraud-go",
		Version:        "0.1.0",
		Description:    "Passes orders on that are both large and from a country that is not trusted, for a person to look at.",
		SettingsSchema: settingsSchema,
	}, &Fraud{})
}

func main() {}
