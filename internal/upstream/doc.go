// Package upstream sends one attempt to one account at one provider.
//
// An [Upstream] is built once from its [Settings] and used by many goroutines.
// It owns the URL, the credential, the headers that may leave and those that
// may come back, the connections and the timeouts of that account. A file of
// its own says what is special about each kind of provider: azure.go,
// openai.go, anthropic.go, ollama.go, compatible.go, simulator.go.
//
// # One attempt
//
// [Upstream.Do] builds the request from constants, escaped segments and an
// allow-list of the client's headers, sets the credential last, and hands the
// body over as bytes. It returns an [Answer] as soon as the upstream has sent
// its status, whatever the status is; [Upstream.Refusal] says what one that is
// not a success means. Every error is an [llm.Error] whose code tells
// connecting, TLS, lost connections, nonsense, the timeouts and a client that
// left apart.
//
// # Invariants
//
//   - Nothing is sent twice. GetBody is never set, so net/http cannot replay a
//     body, an Idempotency-Key header notwithstanding.
//   - No redirect is followed: a credential never reaches another host.
//   - A client's header passes only if it is on the allow-list; its query and
//     its credential never do (the credential: only with [AuthPassthrough]).
//   - The bytes of a body belong to the transport until [Call.Sent] is called.
//
// Package upstream does not retry, choose between upstreams, read or change a
// body that is not an error, or know what a stream of events is.
package upstream
