// Package gateway serves one LLM request from the first byte read to the last
// byte accounted for.
//
// # Life of a request
//
// [Handler.ServeHTTP] is the only entry point. It finds the endpoint; then
// exchange.serve reads top to bottom in the order things happen:
//
//	listener
//	   ▼ *http.Request
//	authenticate ─▶ read ─▶ admit ─▶ route ─▶ attempt ─▶ relay ─▶ account
//	  Principal    Request           []Target    ▲         │        Entry
//	                                             └─────────┘
//
// Each step takes what those to its left have put into the exchange and adds its
// own, or returns an [llm.Error]. The first error ends the exchange, but that
// exchange.carry attempts again, there or elsewhere, where that may help and
// nothing has been sent.
//
// # Invariants
//
//   - An exchange loads the configuration [Snapshot] once, before anything
//     else. A reload does not change an exchange in flight.
//   - No status is sent before the upstream has answered. Once one byte of a
//     body has been sent, nothing is attempted again; a stream that fails
//     after that ends in its own dialect's failure, a whole answer that fails
//     after that aborts the connection.
//   - Every authenticated exchange leaves exactly one [ledger.Entry], whether
//     it succeeds, is refused, fails, panics, or is left by its client.
//   - A call about an object that an upstream keeps leaves no entry, and one
//     ObjectDone. An id leads nobody but the tenant, and the caller with its own
//     credential, that it was made for; what refers to it goes where it is kept.
//   - A client that leaves cancels its upstream call. To close one's half of
//     the connection is to leave: net/http cannot tell the two apart.
//   - What can be answered without a body does not wait for it.
//   - A request body's buffer is used again only when the transport has said
//     that it will not read it any more.
//   - Nothing is unbounded: one body, all bodies together, one event, one
//     write.
//
// Package gateway knows no provider, no database and no wire format: those are
// the business of packages upstream, ledger and dialect. It never logs: it
// tells its [Observer]s.
package gateway
