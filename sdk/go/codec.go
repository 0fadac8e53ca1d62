package wasmill

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// codec is how values become bytes.
type codec[T any] struct {
	encode func(value *T, into []byte) ([]byte, error)
	decode func(text []byte, into *T) error
	// shared says that a copy of a value shares memory with it. Such a value is kept encoded: it could otherwise be changed
	// behind the store's back.
	shared bool
}

func codecOf[T any]() codec[T] {
	made := codec[T]{encode: encodeJSON[T], decode: decodeJSON[T], shared: sharesMemory(reflect.TypeFor[T]())}
	// What is counted most is faster without reflection.
	switch exact := any(&made).(type) {
	case *codec[[]byte]:
		exact.encode = func(value *[]byte, into []byte) ([]byte, error) { return append(into, *value...), nil }
		exact.decode = func(text []byte, into *[]byte) error {
			*into = append([]byte{}, text...)
			return nil
		}
	case *codec[int]:
		exact.encode = func(value *int, into []byte) ([]byte, error) { return strconv.AppendInt(into, int64(*value), 10), nil }
	case *codec[int64]:
		exact.encode = func(value *int64, into []byte) ([]byte, error) { return strconv.AppendInt(into, *value, 10), nil }
	case *codec[uint64]:
		exact.encode = func(value *uint64, into []byte) ([]byte, error) { return strconv.AppendUint(into, *value, 10), nil }
	}
	return made
}

func encodeJSON[T any](value *T, into []byte) ([]byte, error) {
	text, err := json.Marshal(value)
	return append(into, text...), err
}

// decodeJSON reads what a plugin of any version wrote: fields may be missing, or unknown.
func decodeJSON[T any](text []byte, into *T) error {
	if plan := planOf[T](); plan.lenient(text, into) {
		return nil
	}
	var zero T
	*into = zero
	return json.Unmarshal(text, into)
}

func sharesMemory(of reflect.Type) bool {
	switch of.Kind() {
	case reflect.Struct:
		for index := range of.NumField() {
			if sharesMemory(of.Field(index).Type) {
				return true
			}
		}
		return false
	case reflect.Array:
		return sharesMemory(of.Elem())
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	default:
		return false
	}
}
