package wasmill

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unsafe"
)

// Read reads an event's value, which is a JSON object, into a struct with json tags: fast, and strictly. A field that is
// missing, null or there twice, or of another kind, is a reject with the code bad-json that says what and where; a tombstone is
// one with no-value. Fields that are pointers or have omitempty or omitzero in their tags may be missing or null. Members
// that T has no field for are passed over.
//
// Fields may be texts, numbers, bools, [Decimal], json.RawMessage, structs, slices of and pointers to them; anything else is
// read by encoding/json.
func Read[T any](e *Event) (T, error) {
	if e.Value == nil {
		var none T
		return none, Reject("no-value", "the event has no value (a tombstone), and JSON was expected")
	}
	return ReadJSON[T](e.Value)
}

// ReadJSON reads a JSON text as [Read] does. Texts in what it answers may share its memory.
func ReadJSON[T any](text []byte) (into T, err error) {
	reader := takeReader(text, true)
	// The value is on the stack, unless reading it needs memory anyway: nothing keeps the pointer.
	if !planOf[T]().read(reader, noescape(unsafe.Pointer(&into))) || !reader.end() {
		var none T
		into, err = none, reader.reject()
	}
	reader.giveBack()
	return into, err
}

// noescape hides a pointer from the compiler's escape analysis.
func noescape(pointer unsafe.Pointer) unsafe.Pointer { return unsafe.Add(nil, int(uintptr(pointer))) }

// reject says what is wrong, and where.
func (s *scanner) reject() *Failure {
	line, column := 1, 0
	for _, b := range s.text[:s.at] {
		column++
		if b == '\n' {
			line, column = line+1, 0
		}
	}
	return Reject("bad-json", "%s at line %d column %d", s.problem, line, column)
}

// reader reads into memory that a plan says.
type reader struct {
	scanner
	// strict: fields that are missing or there twice are mistakes.
	strict bool
	// depth is how many objects and arrays the value at hand is in.
	depth int
}

// spareReader saves an allocation an event. A reader that is at work may be asked to read something else in between.
var spareReader *reader

func takeReader(text []byte, strict bool) *reader {
	taken := spareReader
	spareReader = nil
	if taken == nil {
		taken = new(reader)
	}
	*taken = reader{scanner: scanner{text: text}, strict: strict}
	return taken
}

func (r *reader) giveBack() {
	r.text = nil
	spareReader = r
}

// deeper notes that another object or array is entered; it is left with r.depth--.
func (r *reader) deeper() bool {
	r.depth++
	return r.depth <= deepest || r.mistake("recursion limit exceeded")
}

// plan is how values of a type are read, worked out once.
type plan struct {
	read func(r *reader, into unsafe.Pointer) bool
	// nullable: null is a value of it, and it may be missing.
	nullable bool
}

// lenient reads a value in which fields may be missing; false if it does not fit.
func (p *plan) lenient(text []byte, into any) bool {
	reader := takeReader(text, false)
	defer reader.giveBack()
	return p.read(reader, reflect.ValueOf(into).UnsafePointer()) && reader.end()
}

// plans by type. The last one used is looked at first: most plugins read one type.
var (
	plans    = map[reflect.Type]*plan{}
	lastType reflect.Type
	lastPlan *plan
)

func planOf[T any]() *plan {
	of := reflect.TypeFor[T]()
	if of != lastType {
		lastPlan, lastType = makePlan(of), of
	}
	return lastPlan
}

func makePlan(of reflect.Type) *plan {
	if made := plans[of]; made != nil {
		return made
	}
	made := &plan{}
	// Before what it is made of: a type may contain itself.
	plans[of] = made
	made.read = readerOf(of)
	made.nullable = of.Kind() == reflect.Pointer || of == reflect.TypeFor[json.RawMessage]()
	return made
}

func readerOf(of reflect.Type) func(*reader, unsafe.Pointer) bool {
	switch {
	case of == reflect.TypeFor[Decimal]():
		return readDecimal
	case of == reflect.TypeFor[json.RawMessage]():
		return readRaw
	case reflect.PointerTo(of).Implements(reflect.TypeFor[json.Unmarshaler]()):
		return readOther(of)
	}
	switch of.Kind() {
	case reflect.String:
		return readString
	case reflect.Bool:
		return readBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return readInt(of.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return readUint(of.Bits())
	case reflect.Float32, reflect.Float64:
		return readFloat(of.Bits())
	case reflect.Pointer:
		return readPointer(of.Elem())
	case reflect.Struct:
		return readStruct(of)
	case reflect.Slice:
		if of.Elem().Kind() != reflect.Uint8 {
			return readSlice(of)
		}
	}
	return readOther(of)
}

func kindOf(b byte) string {
	switch {
	case b == '"':
		return "a string"
	case b == '{':
		return "a map"
	case b == '[':
		return "a sequence"
	case b == 't', b == 'f':
		return "a boolean"
	case b == 'n':
		return "null"
	default:
		return "a number"
	}
}

// wrongKind notes that something else stands there than what is wanted.
func (r *reader) wrongKind(wanted string) bool {
	found := kindOf(r.peek())
	return r.skipValue(r.depth) && r.mistake("invalid type: "+found+", expected "+wanted)
}

func readString(r *reader, into unsafe.Pointer) (ok bool) {
	if r.peekValue() != '"' {
		return r.wrongKind("a string")
	}
	r.at++
	*(*string)(into), ok = r.readText()
	return ok
}

func readBool(r *reader, into unsafe.Pointer) bool {
	switch r.peekValue() {
	case 't':
		*(*bool)(into) = true
		return r.skipWord("true")
	case 'f':
		*(*bool)(into) = false
		return r.skipWord("false")
	}
	return r.wrongKind("a boolean")
}

func (r *reader) number(wanted string) ([]byte, bool) {
	if b := r.peekValue(); b != '-' && !isDigit(b) {
		return nil, r.wrongKind(wanted)
	}
	start := r.at
	ok := r.skipNumber()
	return r.text[start:r.at], ok
}

func readInt(bits int) func(*reader, unsafe.Pointer) bool {
	return readInteger(bits, strconv.ParseInt, "")
}

func readUint(bits int) func(*reader, unsafe.Pointer) bool {
	return readInteger(bits, strconv.ParseUint, " without a sign")
}

// readInteger reads what parse takes; kind is how its error goes on.
func readInteger[V int64 | uint64](bits int, parse func(string, int, int) (V, error), kind string) func(*reader, unsafe.Pointer) bool {
	return func(r *reader, into unsafe.Pointer) bool {
		text, ok := r.number("an integer")
		if !ok {
			return false
		}
		value, err := parse(shared(text), 10, bits)
		if err != nil {
			return r.mistake(fmt.Sprintf("%s is not an integer of %d bits%s", text, bits, kind))
		}
		// With a sign or without: the bits are the same.
		switch bits {
		case 8:
			*(*uint8)(into) = uint8(value)
		case 16:
			*(*uint16)(into) = uint16(value)
		case 32:
			*(*uint32)(into) = uint32(value)
		default:
			*(*uint64)(into) = uint64(value)
		}
		return true
	}
}

func readFloat(bits int) func(*reader, unsafe.Pointer) bool {
	return func(r *reader, into unsafe.Pointer) bool {
		text, ok := r.number("a number")
		if !ok {
			return false
		}
		value, err := strconv.ParseFloat(shared(text), bits)
		if err != nil {
			return r.mistake("number out of range")
		}
		if bits == 32 {
			*(*float32)(into) = float32(value)
		} else {
			*(*float64)(into) = value
		}
		return true
	}
}

func shared(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

func readDecimal(r *reader, into unsafe.Pointer) bool {
	text, ok := r.value()
	if !ok {
		return false
	}
	number, ok := parseDecimal(unquoted(text))
	if !ok {
		return r.mistake(string(text) + " is not a decimal number of at most 38 digits")
	}
	*(*Decimal)(into) = number
	return true
}

func readRaw(r *reader, into unsafe.Pointer) bool {
	text, ok := r.value()
	*(*json.RawMessage)(into) = text
	return ok
}

func readOther(of reflect.Type) func(*reader, unsafe.Pointer) bool {
	return func(r *reader, into unsafe.Pointer) bool {
		text, ok := r.value()
		if !ok {
			return false
		}
		if err := json.Unmarshal(text, reflect.NewAt(of, into).Interface()); err != nil {
			return r.mistake(err.Error())
		}
		return true
	}
}

func readPointer(to reflect.Type) func(*reader, unsafe.Pointer) bool {
	elements := makePlan(to)
	return func(r *reader, into unsafe.Pointer) bool {
		if r.peekValue() == 'n' {
			*(*unsafe.Pointer)(into) = nil
			return r.skipWord("null")
		}
		value := reflect.New(to)
		*(*unsafe.Pointer)(into) = value.UnsafePointer()
		return elements.read(r, value.UnsafePointer())
	}
}

func readSlice(of reflect.Type) func(*reader, unsafe.Pointer) bool {
	elements := makePlan(of.Elem())
	return func(r *reader, into unsafe.Pointer) bool {
		if r.peekValue() != '[' {
			return r.wrongKind("a sequence")
		}
		if !r.deeper() {
			return false
		}
		slice := reflect.NewAt(of, into).Elem()
		slice.Set(reflect.MakeSlice(of, 0, 0))
		for done, ok := r.firstItem(']'), false; !done; {
			slice.Set(reflect.Append(slice, reflect.Zero(of.Elem())))
			if !elements.read(r, slice.Index(slice.Len()-1).Addr().UnsafePointer()) {
				return false
			}
			if done, ok = r.nextItem(']'); !ok {
				return false
			}
		}
		r.depth--
		return true
	}
}

// field is where a member of an object goes.
type field struct {
	name     string
	offset   uintptr
	plan     *plan
	optional bool
}

func fieldsOf(of reflect.Type) []field {
	var fields []field
	for index := range of.NumField() {
		of := of.Field(index)
		name, options, _ := strings.Cut(of.Tag.Get("json"), ",")
		if !of.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = of.Name
		}
		plan := makePlan(of.Type)
		optional := of.Type.Kind() == reflect.Pointer || strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		fields = append(fields, field{name, of.Offset, plan, optional})
	}
	return fields
}

func readStruct(of reflect.Type) func(*reader, unsafe.Pointer) bool {
	for index := range of.NumField() {
		if of.Field(index).Anonymous {
			return readOther(of)
		}
	}
	fields := fieldsOf(of)
	if len(fields) > 64 {
		return readOther(of)
	}
	return func(r *reader, into unsafe.Pointer) bool {
		if r.peekValue() != '{' {
			return r.wrongKind("an object")
		}
		return r.members(fields, into)
	}
}

// members reads the members of an object.
func (r *reader) members(fields []field, into unsafe.Pointer) bool {
	if !r.deeper() {
		return false
	}
	seen := uint64(0)
	for done := r.firstItem('}'); !done; {
		if !r.openKey() {
			return false
		}
		name, ok := r.readText()
		if !ok || !r.skipColon() {
			return false
		}
		index := findField(fields, name)
		if index < 0 {
			if !r.skipValue(r.depth) {
				return false
			}
		} else {
			if seen>>index&1 == 1 && r.strict {
				return r.mistake("duplicate field `" + name + "`")
			}
			seen |= 1 << index
			if !r.member(&fields[index], into) {
				return false
			}
		}
		if done, ok = r.nextItem('}'); !ok {
			return false
		}
	}
	for index := range fields {
		if seen>>index&1 == 0 && r.strict && !fields[index].optional {
			return r.mistake("missing field `" + fields[index].name + "`")
		}
	}
	r.depth--
	return true
}

func findField(fields []field, name string) int {
	for index := range fields {
		if fields[index].name == name {
			return index
		}
	}
	return -1
}

func (r *reader) member(field *field, into unsafe.Pointer) bool {
	if r.peekValue() == 'n' && (field.optional || !r.strict) && !field.plan.nullable {
		return r.skipWord("null")
	}
	return field.plan.read(r, unsafe.Add(into, field.offset))
}
