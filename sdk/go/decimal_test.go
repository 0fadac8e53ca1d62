package wasmill

import (
	"strings"
	"testing"
)

func decimal(t *testing.T, text string) Decimal {
	t.Helper()
	number, err := ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func TestDecimalsAreComparedExactly(t *testing.T) {
	for _, c := range []struct {
		left  string
		order int
		right string
	}{
		{"300.00", 0, "300"}, {"3e2", 0, "300.0"}, {"2147483648", 0, "2147483648.000000000"},
		{"-2147483648", -1, "-2147483647.999999999"}, {"4.2", 1, "4.1999999999999999"},
		{"300.00000000000000000000000001", 1, "300"}, {"-1", -1, "-0.5"}, {"0", 0, "-0.000"}, {"0", -1, "1e-2000000"},
		{"1e300", 1, "99999999999999999999"}, {"-1e300", -1, "-0.1"}, {"0.1", 1, "-1e300"}, {"1e-300", -1, "1e300"},
	} {
		left, right := decimal(t, c.left), decimal(t, c.right)
		if left.Compare(right) != c.order || right.Compare(left) != -c.order {
			t.Errorf("%s and %s: %d", c.left, c.right, left.Compare(right))
		}
	}
}

func TestADecimalIsWrittenAsItWasRead(t *testing.T) {
	for _, text := range []string{
		"0", "7", "-7", "10.10", "0.00", "-0.05", "0.1", "100", "18446744073709551615", "18446744073709551616",
		"99999999999999999999999999999999999999", "-0.99999999999999999999999999999999999999", "1234567890123456789.0123456789012345678",
		"12e-60", "1e3", "1e-41", "10000000000000000000000000000000000001",
	} {
		if written := decimal(t, text).String(); written != text {
			t.Errorf("%s is written as %s", text, written)
		}
	}
	long := decimal(t, "1"+strings.Repeat("0", 60))
	if long.String() != "1e60" || decimal(t, "1.5"+strings.Repeat("0", 50)).String() != "1.5" {
		t.Errorf("%v", long)
	}
}

func TestWhatIsNoDecimalIsRefused(t *testing.T) {
	for _, text := range []string{"", "-", ".", "1.2.3", "12a", "0x10", "1e", "1e1.5", "e5", " 1", "NaN", "1e99999999999", "--1", "1e1_0", strings.Repeat("1", 40)} {
		if _, err := ParseDecimal(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestSumsDoNotRound(t *testing.T) {
	for _, c := range [][3]string{{"0.1", "0.20", "0.30"}, {"1e3", "0.5", "1000.5"}, {"5", "-7.5", "-2.5"}, {"-5", "7.5", "2.5"}, {"1", "-1.0", "0.0"}} {
		if sum, fits := decimal(t, c[0]).Add(decimal(t, c[1])); !fits || sum.String() != c[2] {
			t.Errorf("%s + %s = %v", c[0], c[1], sum)
		}
	}
	if _, fits := decimal(t, "1e300").Add(decimal(t, "0.5")); fits {
		t.Error("a sum of 300 digits fits")
	}
}
