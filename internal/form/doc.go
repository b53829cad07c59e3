// Package form reads multipart/form-data (RFC 7578) and writes it anew.
//
// A body is read once, by one strict parser, into a [Form]: its parts in their
// order, short values in memory, everything else in a [Store]. What goes on is
// not the client's bytes but the parts, behind a boundary that nobody could
// have guessed, with heads that hold nothing but what was understood. So
// whoever reads them next sees what was read here: there is no second way to
// find a part in them.
//
// What two readers could understand differently is refused, with a
// [SyntaxError] that says what it is: lines that do not end in CRLF, folded headers,
// headers and parameters that are there twice, names in another spelling,
// encodings of a part's content, forms within forms, text before the first
// boundary or behind the last, and a body that ends before it.
//
// Nothing is unbounded: see the constants. How long a whole body may be is the
// business of the reader that it comes from.
//
// Package form knows no field of any API, opens no file, and decodes neither
// percent signs nor character sets.
package form
