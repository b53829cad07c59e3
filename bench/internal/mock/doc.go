// Package mock is the upstream of the benchmark: a chat model that costs as
// little as a server can, so that what is measured is what stands before it.
//
// It speaks just enough HTTP/1.1 over raw connections: POST
// /v1/chat/completions with a Content-Length, answered with [Answer], or with
// a stream where the body asks for one. What the stream looks like stands in
// the prompt (see [Stream]), because a gateway may drop headers and queries
// but hands the prompt on. It notes what gateways did to the body, so that a
// run can tell a gateway that works from one that only forwards: see [Served].
//
// It is no model of any provider and forgives nothing: a request that is not
// as above gets a status of 4xx and the connection is closed. The server that
// is faithful to providers is package simulator.
package mock
