package wasmill

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// scanner reads JSON, strictly, from its beginning to its end. Its methods answer false at the first mistake, which is then
// noted.
type scanner struct {
	text    []byte
	at      int
	problem string
}

// deepest: what is nested deeper is refused, as Rust's serde_json does.
const deepest = 127

// special bytes of a text need a second look: quote, backslash, control characters, and what is beyond ASCII.
var special = func() (special [256]bool) {
	for b := range special {
		special[b] = b < ' ' || b >= utf8.RuneSelf || b == '"' || b == '\\'
	}
	return special
}()

func (s *scanner) mistake(problem string) bool {
	s.problem = problem
	return false
}

// unexpected: at the end everything is missing; anything else is one byte further than what was understood.
func (s *scanner) unexpected(eof, other string) bool {
	if s.at >= len(s.text) {
		return s.mistake(eof)
	}
	s.at++
	return s.mistake(other)
}

// peek is the next byte, 0 at the end, where no JSON has one.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// peekValue is the first byte of the next value.
func (s *scanner) peekValue() byte {
	s.skipSpace()
	return s.peek()
}

func (s *scanner) skipSpace() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\n', '\t', '\r':
			s.at++
		default:
			return
		}
	}
}

// skipPlain goes past what is not special, eight bytes at a time.
func (s *scanner) skipPlain() {
	const low, high = 0x0101010101010101, 0x8080808080808080
	text, at := s.text, s.at
	for len(text)-at >= 8 {
		eight := binary.LittleEndian.Uint64(text[at:])
		quote, backslash := eight^low*'"', eight^low*'\\'
		// A byte's high bit is set if it is special; above the lowest one there may be false ones.
		if found := (eight - low*' ' | eight | (quote-low)&^quote | (backslash-low)&^backslash) & high; found != 0 {
			s.at = at + bits.TrailingZeros64(found)/8
			return
		}
		at += 8
	}
	for at < len(text) && !special[text[at]] {
		at++
	}
	s.at = at
}

const controlFound = "control character (\\u0000-\\u001F) found while parsing a string"

// skipText goes past a text whose quote has been taken, without a look at what it says.
func (s *scanner) skipText() bool {
	for {
		s.skipPlain()
		switch b := s.peek(); {
		case s.at >= len(s.text):
			return s.mistake("EOF while parsing a string")
		case b == '"':
			s.at++
			return true
		case b < ' ':
			return s.unexpected("", controlFound)
		case b != '\\':
			s.at++
		default:
			s.at++
			if _, ok := s.escape(true); !ok {
				return false
			}
		}
	}
}

// escape reads what stands behind a backslash. Where only its form matters, a lone surrogate is none.
func (s *scanner) escape(formOnly bool) (rune, bool) {
	b := s.peek()
	switch b {
	case '"', '\\', '/':
	case 'b':
		b = '\b'
	case 'f':
		b = '\f'
	case 'n':
		b = '\n'
	case 'r':
		b = '\r'
	case 't':
		b = '\t'
	case 'u':
		s.at++
		return s.unicodeEscape(formOnly)
	default:
		return 0, s.unexpected("EOF while parsing a string", "invalid escape")
	}
	s.at++
	return rune(b), true
}

func (s *scanner) unicodeEscape(formOnly bool) (rune, bool) {
	first, ok := s.hex()
	if !ok || formOnly || !utf16.IsSurrogate(first) {
		return first, ok
	}
	if first >= 0xdc00 {
		return 0, s.mistake("lone leading surrogate in hex escape")
	}
	if len(s.text)-s.at < 2 || s.text[s.at] != '\\' || s.text[s.at+1] != 'u' {
		return 0, s.mistake("unexpected end of hex escape")
	}
	s.at += 2
	second, ok := s.hex()
	if !ok {
		return 0, false
	}
	if second < 0xdc00 || second > 0xdfff {
		return 0, s.mistake("lone leading surrogate in hex escape")
	}
	return utf16.DecodeRune(first, second), true
}

func (s *scanner) hex() (rune, bool) {
	code := rune(0)
	for range 4 {
		b := s.peek()
		switch {
		case isDigit(b):
			b -= '0'
		case b|0x20 >= 'a' && b|0x20 <= 'f':
			b = b | 0x20 - 'a' + 10
		default:
			return 0, s.unexpected("EOF while parsing a string", "invalid escape")
		}
		s.at++
		code = code<<4 | rune(b)
	}
	return code, true
}

// readText is what a text says, whose quote has been taken. Unless it has escapes it shares the memory of what is read, which
// is never written again.
func (s *scanner) readText() (string, bool) {
	start := s.at
	for {
		s.skipPlain()
		switch b := s.peek(); {
		case s.at >= len(s.text):
			return "", s.mistake("EOF while parsing a string")
		case b == '"':
			said := s.text[start:s.at]
			s.at++
			return unsafe.String(unsafe.SliceData(said), len(said)), true
		case b == '\\':
			return s.readEscaped(start)
		case b < ' ':
			return "", s.unexpected("", controlFound)
		default:
			if !s.character() {
				return "", false
			}
		}
	}
}

// character goes past one beyond ASCII.
func (s *scanner) character() bool {
	character, size := utf8.DecodeRune(s.text[s.at:])
	if character == utf8.RuneError && size <= 1 {
		return s.unexpected("", "invalid unicode code point")
	}
	s.at += size
	return true
}

func (s *scanner) readEscaped(start int) (string, bool) {
	var said []byte
	for from := start; ; {
		switch b := s.peek(); {
		case s.at >= len(s.text):
			return "", s.mistake("EOF while parsing a string")
		case b == '"':
			said = append(said, s.text[from:s.at]...)
			s.at++
			return string(said), true
		case b == '\\':
			said = append(said, s.text[from:s.at]...)
			s.at++
			character, ok := s.escape(false)
			if !ok {
				return "", false
			}
			said = utf8.AppendRune(said, character)
			from = s.at
		case b < ' ':
			return "", s.unexpected("", controlFound)
		default:
			if !s.character() {
				return "", false
			}
		}
		s.skipPlain()
	}
}

func (s *scanner) skipDigits() bool {
	start := s.at
	for s.at < len(s.text) && isDigit(s.text[s.at]) {
		s.at++
	}
	return s.at > start || s.unexpected("EOF while parsing a value", "invalid number")
}

func (s *scanner) skipNumber() bool {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
		if isDigit(s.peek()) {
			return s.unexpected("", "invalid number")
		}
	} else if !s.skipDigits() {
		return false
	}
	if s.peek() == '.' {
		s.at++
		if !s.skipDigits() {
			return false
		}
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if b := s.peek(); b == '+' || b == '-' {
			s.at++
		}
		return s.skipDigits()
	}
	return true
}

func (s *scanner) skipWord(word string) bool {
	for index := range len(word) {
		if s.peek() != word[index] {
			return s.unexpected("EOF while parsing a value", "expected ident")
		}
		s.at++
	}
	return true
}

// skipColon goes past the colon behind a key.
func (s *scanner) skipColon() bool {
	if s.peekValue() != ':' {
		return s.unexpected("EOF while parsing an object", "expected `:`")
	}
	s.at++
	return true
}

// firstItem goes past the bracket that opens an object or array; done: it is empty.
func (s *scanner) firstItem(closing byte) (done bool) {
	s.at++
	if s.peekValue() == closing {
		s.at++
		return true
	}
	return false
}

// nextItem goes past what stands behind an item; done: it was the last one.
func (s *scanner) nextItem(closing byte) (done, ok bool) {
	switch s.peekValue() {
	case ',':
		s.at++
		return false, true
	case closing:
		s.at++
		return true, true
	}
	if closing == '}' {
		return false, s.unexpected("EOF while parsing an object", "expected `,` or `}`")
	}
	return false, s.unexpected("EOF while parsing a list", "expected `,` or `]`")
}

// openKey goes past the quote of a key.
func (s *scanner) openKey() bool {
	if s.peekValue() != '"' {
		return s.unexpected("EOF while parsing an object", "key must be a string")
	}
	s.at++
	return true
}

// skipItems goes past an object or an array.
func (s *scanner) skipItems(closing byte, depth int) bool {
	if depth >= deepest {
		return s.mistake("recursion limit exceeded")
	}
	if s.firstItem(closing) {
		return true
	}
	for {
		if closing == '}' && !(s.openKey() && s.skipText() && s.skipColon()) {
			return false
		}
		if !s.skipValue(depth + 1) {
			return false
		}
		if done, ok := s.nextItem(closing); done || !ok {
			return ok
		}
	}
}

// skipValue goes past any value.
func (s *scanner) skipValue(depth int) bool {
	switch b := s.peekValue(); {
	case b == '"':
		s.at++
		return s.skipText()
	case b == '{':
		return s.skipItems('}', depth)
	case b == '[':
		return s.skipItems(']', depth)
	case b == 't':
		return s.skipWord("true")
	case b == 'f':
		return s.skipWord("false")
	case b == 'n':
		return s.skipWord("null")
	case b == '-', isDigit(b):
		return s.skipNumber()
	default:
		return s.unexpected("EOF while parsing a value", "expected value")
	}
}

// value goes past any value, and is its text.
func (s *scanner) value() ([]byte, bool) {
	s.skipSpace()
	start := s.at
	if !s.skipValue(0) {
		return nil, false
	}
	text := s.text[start:s.at:s.at]
	return text, utf8.Valid(text) || s.mistake("invalid unicode code point")
}

// end says whether nothing stands behind the value.
func (s *scanner) end() bool {
	s.skipSpace()
	return s.at == len(s.text) || s.unexpected("", "trailing characters")
}
