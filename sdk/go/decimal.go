package wasmill

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"strconv"
)

// Decimal is an exact decimal number of up to 38 digits: what an event says of money is never turned into a binary fraction.
// It is read from a JSON number, or from a text that holds one, and written as a number with the digits that it was read
// with. The zero value is 0. Compare Decimals with Compare: 10.1 and 10.10 are equal, and not ==.
type Decimal struct {
	negative bool
	digits   uint128
	// scale is how many of the digits stand after the point; below zero: how many zeros follow.
	scale int32
}

// Whole is a whole number.
func Whole(number int64) Decimal {
	return Decimal{negative: number < 0, digits: uint128{low: magnitude(number)}}
}

func magnitude(number int64) uint64 {
	if number < 0 {
		return -uint64(number)
	}
	return uint64(number)
}

// ParseDecimal reads what JSON calls a number, and 007, +1, .5 and 1. besides, which stand in texts.
func ParseDecimal(text string) (Decimal, error) {
	if number, ok := parseDecimal([]byte(text)); ok {
		return number, nil
	}
	return Decimal{}, fmt.Errorf("%q is not a decimal number of at most 38 digits", text)
}

// Compare is below, equal to or above zero as d is less than, equal to or greater than other.
func (d Decimal) Compare(other Decimal) int {
	if order := cmp.Compare(d.Sign(), other.Sign()); order != 0 {
		return order
	}
	sign := 1
	if d.negative {
		sign = -1
	}
	scale := max(d.scale, other.scale)
	left, fits := d.digitsAt(scale)
	if !fits {
		// Only the one with the smaller scale can be too large to be written out, and it is then the greater in size.
		return sign
	}
	right, fits := other.digitsAt(scale)
	if !fits {
		return -sign
	}
	return sign * left.compare(right)
}

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	switch {
	case d.digits == uint128{}:
		return 0
	case d.negative:
		return -1
	default:
		return 1
	}
}

// Add is the sum; false if it has more than 38 digits.
func (d Decimal) Add(other Decimal) (sum Decimal, fits bool) {
	scale := max(d.scale, other.scale)
	left, fits := d.digitsAt(scale)
	if !fits {
		return sum, false
	}
	right, fits := other.digitsAt(scale)
	if !fits {
		return sum, false
	}
	sum = Decimal{negative: d.negative, scale: scale}
	switch {
	case d.negative == other.negative:
		sum.digits, fits = left.add(right)
	case left.compare(right) >= 0:
		sum.digits = left.subtract(right)
	default:
		sum.digits, sum.negative = right.subtract(left), other.negative
	}
	return sum, fits
}

// digitsAt are the digits with so many of them after the point, which are no fewer than there are.
func (d Decimal) digitsAt(scale int32) (uint128, bool) {
	more := int64(scale) - int64(d.scale)
	if more == 0 || d.digits == (uint128{}) {
		return d.digits, true
	}
	if more > 38 {
		return uint128{}, false
	}
	digits, fits := d.digits, true
	for ; more > 0 && fits; more -= 18 {
		digits, fits = digits.multiply(powers[min(more, 18)])
	}
	return digits, fits
}

// String is a JSON number with every digit, written out as long as that stays readable.
func (d Decimal) String() string { return string(d.append(nil)) }

// longestFraction is how many digits after the point are written out.
const longestFraction = 40

func (d Decimal) append(into []byte) []byte {
	if d.negative && d.digits != (uint128{}) {
		into = append(into, '-')
	}
	digits := d.digits.append(nil)
	if d.scale < 0 || d.scale > longestFraction {
		into = append(append(into, digits...), 'e')
		return strconv.AppendInt(into, -int64(d.scale), 10)
	}
	if short := int(d.scale) + 1 - len(digits); short > 0 {
		digits = append(bytes.Repeat([]byte{'0'}, short), digits...)
	}
	point := len(digits) - int(d.scale)
	into = append(into, digits[:point]...)
	if d.scale > 0 {
		into = append(append(into, '.'), digits[point:]...)
	}
	return into
}

// MarshalJSON writes a number.
func (d Decimal) MarshalJSON() ([]byte, error) { return d.append(nil), nil }

// UnmarshalJSON reads a number, or a text that holds one.
func (d *Decimal) UnmarshalJSON(text []byte) error {
	number, ok := parseDecimal(unquoted(text))
	if !ok {
		return fmt.Errorf("%s is not a decimal number of at most 38 digits", text)
	}
	*d = number
	return nil
}

func unquoted(text []byte) []byte {
	if len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"' {
		return text[1 : len(text)-1]
	}
	return text
}

func isDigit(b byte) bool { return b-'0' <= 9 }

func parseDecimal(text []byte) (Decimal, bool) {
	negative := len(text) > 0 && text[0] == '-'
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		text = text[1:]
	}
	number, ok := parseShort(text)
	if !ok {
		number, ok = parseLong(text)
	}
	number.negative = negative && number.digits != uint128{}
	return number, ok
}

// parseShort reads a number whose digits fit into 64 bits, without an exponent: most amounts.
func parseShort(text []byte) (Decimal, bool) {
	digits, point := uint64(0), -1
	if len(text) > 18 {
		return Decimal{}, false
	}
	for index, b := range text {
		switch {
		case isDigit(b):
			digits = 10*digits + uint64(b-'0')
		case b == '.' && point < 0:
			point = index
		default:
			return Decimal{}, false
		}
	}
	count, scale := len(text), 0
	if point >= 0 {
		count, scale = count-1, len(text)-point-1
	}
	return Decimal{digits: uint128{low: digits}, scale: int32(scale)}, count > 0
}

func parseLong(text []byte) (number Decimal, ok bool) {
	exponent := int64(0)
	if at := bytes.IndexAny(text, "eE"); at >= 0 {
		parsed, err := strconv.ParseInt(string(text[at+1:]), 10, 32)
		if err != nil || bytes.IndexByte(text[at+1:], '_') >= 0 {
			return number, false
		}
		text, exponent = text[:at], parsed
	}
	// Zeros are held back: at the end of a long number they need no room.
	var digits uint128
	zeros, scale, count, point := 0, int64(0), 0, false
	for _, b := range text {
		if b == '.' && !point {
			point = true
			continue
		}
		if !isDigit(b) {
			return number, false
		}
		count++
		zeros++
		if point {
			scale++
		}
		if b != '0' {
			if digits, ok = digits.appendDigit(zeros, b-'0'); !ok {
				return number, false
			}
			zeros = 0
		}
	}
	scale -= exponent
	if appended, fits := digits.appendDigit(zeros, 0); fits {
		digits = appended
	} else {
		scale -= int64(zeros)
	}
	return Decimal{digits: digits, scale: int32(scale)}, count > 0 && scale == int64(int32(scale))
}

// uint128 is below 2^127, as the digits of the other SDKs' decimals.
type uint128 struct{ high, low uint64 }

var powers = func() (powers [19]uint64) {
	power := uint64(1)
	for index := range powers {
		powers[index] = power
		power *= 10
	}
	return powers
}()

func (u uint128) compare(other uint128) int {
	switch {
	case u == other:
		return 0
	case u.high < other.high, u.high == other.high && u.low < other.low:
		return -1
	default:
		return 1
	}
}

func (u uint128) add(other uint128) (uint128, bool) {
	low, carry := bits.Add64(u.low, other.low, 0)
	high, carry := bits.Add64(u.high, other.high, carry)
	return uint128{high, low}, carry == 0 && high <= math.MaxInt64
}

func (u uint128) subtract(other uint128) uint128 {
	low, borrow := bits.Sub64(u.low, other.low, 0)
	high, _ := bits.Sub64(u.high, other.high, borrow)
	return uint128{high, low}
}

func (u uint128) multiply(by uint64) (uint128, bool) {
	carry, low := bits.Mul64(u.low, by)
	over, high := bits.Mul64(u.high, by)
	high, more := bits.Add64(high, carry, 0)
	return uint128{high, low}, over == 0 && more == 0 && high <= math.MaxInt64
}

// appendDigit makes room for so many more digits, the last of which is this one.
func (u uint128) appendDigit(places int, last byte) (uint128, bool) {
	if u == (uint128{}) {
		return uint128{low: uint64(last)}, true
	}
	fits := places <= 38
	for ; places > 0 && fits; places -= 18 {
		u, fits = u.multiply(powers[min(places, 18)])
	}
	if !fits {
		return u, false
	}
	return u.add(uint128{low: uint64(last)})
}

func (u uint128) append(into []byte) []byte {
	if u.high == 0 {
		return strconv.AppendUint(into, u.low, 10)
	}
	// Two divisions leave less than 10^18 in front.
	high, rest := bits.Div64(0, u.high, powers[18])
	low, last := bits.Div64(rest, u.low, powers[18])
	into = uint128{high, low}.append(into)
	tail := strconv.AppendUint(nil, last, 10)
	return append(append(into, "000000000000000000"[len(tail):]...), tail...)
}
