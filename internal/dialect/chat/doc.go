// Package chat is OpenAI's Chat Completions protocol: POST /chat/completions,
// and the embeddings endpoint, whose requests and answers have the same
// members as far as the gateway looks at them.
//
// [Dialect] is both what the express lane asks of a protocol, which reads no
// messages and changes next to nothing, and a codec: requests, whole answers
// and streams in the neutral form of package llm, and back. Reading, it takes
// what compatible servers make of the protocol; writing to a client, it keeps
// to what OpenAI publishes, but for reasoning_content, which a client is sent
// only if it has asked for it (see DecodeRequest).
//
// It knows no other protocol, and of a server only what its traits say. What
// models can be asked for is package capability's business.
package chat
