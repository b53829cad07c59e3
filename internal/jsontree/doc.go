// Package jsontree reads JSON whose members are not known beforehand, and
// writes JSON without values in between.
//
// [Parse] makes one pass over the bytes and keeps where each value is, in one
// slice; nothing is decoded until it is asked for, and whatever a caller does
// not understand it can pass on as the bytes it came in. A [Writer] appends
// to a slice.
//
// Package jsontree has no schema and reflects on no types. What only needs a
// few members of a body, or must keep its bytes, is package jsonscan's.
package jsontree
