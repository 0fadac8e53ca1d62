package wasmill

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

type order struct {
	Amount  Decimal `json:"amount"`
	Country string  `json:"country"`
	Note    *string `json:"note"`
	Rate    float64 `json:"rate,omitempty"`
	Lines   []struct {
		SKU   string `json:"sku"`
		Count int32  `json:"count"`
	} `json:"lines,omitempty"`
	Rest json.RawMessage `json:"rest,omitempty"`
}

func TestAnObjectIsReadIntoAStruct(t *testing.T) {
	text := ` {"rest": {"a": [1, "]"]}, "unknown": [{"x": "\u12"}], "country":"Côte d\u2019\ud83d\ude00\"", "amount": "12.50",` +
		`"rate":1.5e2,"lines":[{"sku":"a","count":-3},{"count":2,"sku":""}],"note":null} `
	text = strings.Replace(text, `"\u12"`, `"\u12ab"`, 1)
	read, err := ReadJSON[order]([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if read.Country != "Côte d’😀\"" || read.Amount.String() != "12.50" || read.Rate != 150 || read.Note != nil {
		t.Errorf("%+v", read)
	}
	if len(read.Lines) != 2 || read.Lines[0].Count != -3 || read.Lines[1].SKU != "" || string(read.Rest) != `{"a": [1, "]"]}` {
		t.Errorf("%+v", read)
	}
}

func TestWhatDoesNotFitIsRefusedWithItsPlace(t *testing.T) {
	for text, wanted := range map[string]string{
		`{"country":"FR"}`:                                                  "missing field `amount` at line 1 column 16",
		`{"amount":"a lot","country":"FR"}`:                                 `"a lot" is not a decimal number of at most 38 digits at line 1 column 17`,
		"{\"amount\":1,\n\"amount\":2}":                                     "duplicate field `amount` at line 2 column 9",
		`{"amount":1,"country":null}`:                                       "invalid type: null, expected a string at line 1 column 26",
		`{"amount":1,"country":5}`:                                          "invalid type: a number, expected a string at line 1 column 23",
		`{"amount":01,"country":""}`:                                        "invalid number at line 1 column 12",
		`{"amount":1,"country":""`:                                          "EOF while parsing an object at line 1 column 24",
		`{"amount":1,"country":""} x`:                                       "trailing characters at line 1 column 27",
		`{"amount":1,"country":"` + "\xff" + `"}`:                           "invalid unicode code point at line 1 column 24",
		`{"amount":1,"country":"\ud800"}`:                                   "unexpected end of hex escape at line 1 column 29",
		`{"amount":1,"country":"","lines":[{"sku":"","count":3000000000}]}`: "3000000000 is not an integer of 32 bits at line 1 column 62",
		`{"amount":1,"country":"",}`:                                        "key must be a string at line 1 column 26",
		`["amount"]`:                                                        "invalid type: a sequence, expected an object at line 1 column 10",
		`{"x":` + strings.Repeat("[", 200):                                  "recursion limit exceeded at line 1 column 131",
		``:                                                                  "EOF while parsing a value at line 1 column 0",
	} {
		_, err := ReadJSON[order]([]byte(text))
		var failure *Failure
		if !errors.As(err, &failure) || failure.Code != "bad-json" || failure.Message != wanted {
			t.Errorf("%s: %v instead of %s", text, err, wanted)
		}
	}
}

// What encoding/json takes and refuses, this does too, but for what is documented otherwise.
func FuzzReadAgreesWithEncodingJSON(f *testing.F) {
	for _, text := range []string{`{"a":"x\n\u00e9","b":1.5,"c":-7,"d":true,"e":["x",""]}`, `{"a":"","b":0,"c":0,"d":false,"e":[]}`, `{}`, `[1]`, `{"a":"\ud800"}`} {
		f.Add([]byte(text))
	}
	type fields struct {
		A string   `json:"a,omitempty"`
		B float64  `json:"b,omitempty"`
		C int64    `json:"c,omitempty"`
		D bool     `json:"d,omitempty"`
		E []string `json:"e,omitempty"`
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		read, err := ReadJSON[fields](text)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%s: no JSON", text)
		}
		// encoding/json takes names in any case.
		var other fields
		if strings.ContainsAny(string(text), `ABCDE\`) {
			return
		}
		if err := json.Unmarshal(text, &other); err != nil || !reflect.DeepEqual(read, other) {
			t.Fatalf("%s: %+v and %+v, %v", text, read, other, err)
		}
	})
}

func TestAReaderMayBeUsedWithinAnother(t *testing.T) {
	type outer struct {
		Inner recursive `json:"inner"`
		After string    `json:"after"`
	}
	read, err := ReadJSON[outer]([]byte(`{"inner":{"inner":{"x":"deep"}},"after":"a"}`))
	if err != nil || read.Inner.said != "deep" || read.After != "a" {
		t.Errorf("%+v %v", read, err)
	}
}

type recursive struct{ said string }

func (r *recursive) UnmarshalJSON(text []byte) error {
	read, err := ReadJSON[struct {
		Inner struct {
			X string `json:"x"`
		} `json:"inner"`
	}](text)
	r.said = read.Inner.X
	return err
}
