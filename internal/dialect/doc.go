// Package dialect is what the gateway must know of a wire protocol to carry it
// without decoding it: the facts of a request, a tap that watches an answer go
// by, and the words in which a failure is told.
//
// The express lane passes bytes. So a [Dialect] reads a request for its model
// and its stream flag and changes nothing else but what metering demands; a
// [Tap] is shown the bytes of an answer as they come and finds the usage, the
// proper end, an error in the middle, without ever holding an event; a
// [Failure] is rendered as the client's own protocol would tell it, as a whole
// body or as the last event of a stream that has begun.
//
// Each protocol is a leaf below this package: chat, completions, responses,
// messages, and media for images, sound and moderations. The leaves do not know each other. What several of them share
// lives here once: the OpenAI error object, the answers made of choices, the
// members that every request has. Package dialecttest is the suite that every
// leaf passes.
//
// Package dialect translates nothing from one protocol to another, opens no
// connection, decides no status and no retry, and estimates no tokens.
package dialect
