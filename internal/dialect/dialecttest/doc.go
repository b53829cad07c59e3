// Package dialecttest is the conformance suite of package dialect: every leaf
// runs it, with its own recorded answers.
//
// A leaf keeps its cases as text archives (the txtar form) in a folder:
//
//   - answers/*.txtar: a recorded answer in the file "stream" or "whole", and
//     what a tap must find in it in the file "want". The comment says which
//     fault the case guards against. Each stream is also read with CRLF and
//     with lone CR line ends, cut in two at every byte, and byte by byte.
//   - failures.txtar: how a set of failures is rendered, whole and at the end
//     of a stream.
//
// With [Suite.Update] set the files are written instead of compared: then read
// the difference before you commit it.
//
// The suite checks no upstream and no HTTP; it is not linked into the program.
package dialecttest
