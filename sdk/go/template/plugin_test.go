package main

import (
	"testing"

	"wasmill"
)

func TestTheThresholdIsASetting(t *testing.T) {
	harness, err := wasmill.NewHarness(&LargeOrders{}, `{"threshold": 10}`)
	if err != nil {
		t.Fatal(err)
	}
	run := harness.Send(
		wasmill.TestEvent{Key: "o-1", Value: `{"amount": 10.5}`},
		wasmill.TestEvent{Key: "o-2", Value: `{"amount": 10}`},
	)
	if len(run.Outputs) != 1 || string(run.Outputs[0].Key) != "o-1" {
		t.Errorf("%+v", run)
	}
}
