// Package realtime is OpenAI's Realtime protocol: the events that client and
// model exchange over a WebSocket.
//
// It reads of a client's event which models it names, so that a session cannot
// be made to use more than its caller may, and of a server's event what became
// of a response and what it used. It is no [dialect.Dialect]: there is no
// request with one answer. It holds no connection and remembers nothing from
// one event to the next.
package realtime
