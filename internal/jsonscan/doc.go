// Package jsonscan looks at JSON bytes without decoding them, and edits them
// without re-encoding them.
//
// One grammar machine serves two readers. [Paths.Scan] reads a whole request
// body and is strict: whatever two parsers could understand differently is
// refused, because the gateway authorises what it reads and an upstream
// executes what it reads, and the two must be the same. [Scanner] reads
// answers, in pieces that may end anywhere, and asks for nothing but JSON
// grammar. Both look at the exact paths named in a [Spec] and nowhere else, so
// a member of the same name planted inside a schema or a string is never
// taken for the real one. Both count in the same pass what a size estimate
// needs.
//
// [Splice] and [InsertMember] then change single values of the body: every
// byte outside of an edit stays as it came, with its order, number formats,
// unknown members and white space.
//
// Package jsonscan builds no values, converts no numbers, holds no schema and
// knows no dialect: which paths matter is the caller's business.
package jsonscan
