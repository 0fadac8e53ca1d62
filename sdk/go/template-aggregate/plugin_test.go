package main

import (
	"testing"

	"wasmill"
)

func TestTotalsAreKeptByCustomer(t *testing.T) {
	harness, err := wasmill.NewHarness(&Totals{}, "")
	if err != nil {
		t.Fatal(err)
	}
	harness.Send(
		wasmill.TestEvent{Value: `{"customer_id": "c", "amount": 1.50}`},
		wasmill.TestEvent{Value: `{"customer_id": "d", "amount": 9}`},
		wasmill.TestEvent{Value: `{"customer_id": "c", "amount": 1}`},
	)
	if total := harness.Entry("totals", "c"); total != `{"orders":2,"largest":1.50}` {
		t.Error(total)
	}
}
