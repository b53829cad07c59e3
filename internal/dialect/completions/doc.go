// Package completions is OpenAI's legacy Completions protocol: POST
// /completions, with a prompt instead of messages.
//
// [Dialect] is both what the express lane asks of a protocol and a codec. The
// codec knows the simple case, which other protocols have too: one prompt in
// text, one answer. It does not translate what only this protocol has (several
// prompts, tokens, suffix, echo, best_of, its form of log probabilities), and
// refuses it.
package completions
