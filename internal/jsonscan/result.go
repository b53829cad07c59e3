package jsonscan

// Limits of a scan.
const (
	// MaxDepth is how many arrays and objects may be open at once, the
	// top-level one included.
	MaxDepth = 128

	// MaxHits is how many values at paths that contain [] one [Result] lists
	// at most; past it [Result.More] is set. Values at paths without [] are
	// always listed.
	MaxHits = 4096

	// MaxListed is how many values [Scanner] keeps for one path that contains
	// []; past it [Scanner.More] is set.
	MaxListed = 128
)

// A Span is a range of bytes of a body, from Start up to End exclusively. The
// zero Span means absent: no value begins and ends at offset 0.
type Span struct{ Start, End int }

// ValueKind is the kind of a JSON value. The zero value is none of them.
type ValueKind byte

// The kinds of JSON values.
const (
	Null ValueKind = iota + 1
	Bool
	Number
	String
	Object
	Array
)

// String returns the name of the kind as RFC 8259 spells it.
func (k ValueKind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "boolean"
	case Number:
		return "number"
	case String:
		return "string"
	case Object:
		return "object"
	case Array:
		return "array"
	}
	return "none"
}

// A Hit is one value found at a watched path.
type Hit struct {
	Path  int       // index into Spec.Watch
	Kind  ValueKind // never zero
	Span  Span      // the raw value; a string with its quotes
	Index int       // array index at the first [] of the path, -1 if it has none
}

// Counts are the sizes that a scan adds up as it goes.
type Counts struct {
	// TextBytes is the length of string values that are not base64, as UTF-8
	// once escapes are resolved. Member names do not count.
	TextBytes int64

	// Base64Bytes is the length of string values that are base64: of at least
	// 256 bytes all from the base64 or base64url alphabet, or a base64 data
	// URL (RFC 2397) of any length, its header included.
	Base64Bytes int64

	// Items is the number of elements of the top-level object's arrays that a
	// path of the Spec enters with [].
	Items int64
}

// A Result is what [Paths.Scan] found.
type Result struct {
	Hits   []Hit // in the order in which the values begin
	More   bool  // MaxHits was reached; hits at [] paths are missing
	Marked bool  // a string value begins with Spec.Mark
	Counts Counts
	Object Span // the top-level object
}

// First returns the first value at path, an index into Spec.Watch.
func (r Result) First(path int) (Hit, bool) {
	for _, h := range r.Hits {
		if h.Path == path {
			return h, true
		}
	}
	return Hit{}, false
}
