// Package sse reads the framing of event streams, as WHATWG HTML §9.2.6
// defines it: lines, fields, comments and the empty line that ends an event.
//
// A [Tokenizer] is fed in pieces of any size and never copies or keeps them,
// so that a relay can pass on the very bytes it read and still know where one
// whole event ends. [Events] is the convenient form for readers that want one
// event at a time and can afford to hold it.
//
// Package sse does not know what is inside the data: no JSON, no "[DONE]", no
// dialect. It keeps no last event id and obeys no retry field, because no
// client of an inference stream resumes one that way; both are skipped like
// any unknown field.
package sse
