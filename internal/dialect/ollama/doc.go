// Package ollama is Ollama's own protocol, POST /api/chat, as upstreams speak
// it: requests and answers whose lines are JSON. It can say what OpenAI's
// protocols cannot ask of such a server (num_ctx, keep_alive, top_k), and it
// tells of failures in the middle of a stream, which Ollama's other routes
// swallow.
//
// No client is answered in it, and it loads, lists and deletes no models.
package ollama
