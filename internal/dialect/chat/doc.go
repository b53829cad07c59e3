// Package chat is OpenAI's Chat Completions protocol: POST /chat/completions,
// and the embeddings endpoint, whose requests and answers have the same
// members as far as the gateway looks at them.
//
// It reads no messages and builds no chunks; see package dialect for what a
// dialect does.
package chat
