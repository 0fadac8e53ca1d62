package wasmill

// host is what the module asks of whoever runs it.
type host interface {
	// getMany gives the values of the first of these keys, at least of one.
	getMany(store uint32, keyLengths []uint32, keys []byte) values
	// scan gives some of the entries with from <= key < to (empty: no end), none only if there are none.
	scan(store uint32, from, to []byte, reverse bool, limit uint32) entries
	// logEnabled is the lowest level that is kept; false: none is.
	logEnabled() (level uint8, kept bool)
	log(level uint8, message string, fields [][2]string)
}

// theHost is the one that runs the module.
var theHost host

// values are those of keys, in columns.
type values struct {
	// lengths: -1 is no such key.
	lengths []int32
	data    []byte
	// written is the stream time of the last write of each; empty for a store without a TTL.
	written []int64
}

// entries are some of a store's, in columns.
type entries struct {
	keyLengths   []uint32
	valueLengths []uint32
	// data: key, value, key, value, …
	data    []byte
	written []int64
}
