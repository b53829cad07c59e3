// Package messages is Anthropic's Messages protocol: POST /v1/messages and
// /v1/messages/count_tokens.
//
// It is both a dialect, which carries its bytes, and a codec, which turns
// requests, answers and streams into the neutral form of package llm and back.
//
// Blocks are the protocol's only unit: a message of a client is taken apart
// into items (what tools gave back, what was said, what was thought, calls),
// and items are put together into messages again, user and assistant in turn.
// In a stream one block is open at a time, so what comes for another one may
// have to wait.
//
// Package messages knows no other protocol, keeps nothing from one exchange to
// the next, and opens no signatures: what its maker alone can read is sealed
// and opened by its callers.
package messages
