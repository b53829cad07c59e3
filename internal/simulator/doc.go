// Package simulator is a model server that runs no model: it answers in every
// dialect, deterministically and at once, is strict about what it is sent, and
// misbehaves on request. It is what `weir serve` serves without configuration,
// what `weir simulate` starts, and the upstream of every test.
//
// It does not run hosted tools or know what it is told: it echoes, and of a
// conversation that goes on it knows how long it was. It shares no code with the rest of the project, so that neither can
// hide the other's mistakes.
//
// # Paths
//
//	POST /v1/chat/completions, /v1/completions, /v1/responses, /v1/embeddings, /v1/moderations
//	POST /v1/images/{generations,edits,variations}, /v1/audio/{speech,transcriptions,translations}
//	GET  /v1/models, /v1/models/{id}      Anthropic's shape with anthropic-version
//	POST /v1/messages, /v1/messages/count_tokens, the same below /anthropic
//	GET, DELETE /v1/responses/{id}, GET …/{id}/input_items, POST …/{id}/cancel
//	POST /v1/responses/input_tokens, /v1/responses/compact
//	GET  /v1/chat/completions, GET, POST, DELETE …/{id}, GET …/{id}/messages
//	GET, POST /v1/files, GET, DELETE …/{id}, GET …/{id}/content
//	POST /openai/deployments/{d}/{chat/completions,completions,embeddings}?api-version=…
//	     and …/{images/generations,images/edits,audio/speech,audio/transcriptions,audio/translations}
//	     /openai/{responses,files,models}… as /v1, with ?api-version=…
//	     /openai/v1/…                     as /v1, no api-version or preview
//	GET  /v1/realtime?model=…, /openai/v1/realtime?model=…, /openai/realtime?api-version=…&deployment=…
//	     as a WebSocket
//	POST /api/chat, /api/pull; GET /api/tags, /api/version
//	GET, DELETE /sim/served
//
// With [Options].Keys the /v1 paths take a key as bearer token; /v1/messages
// also in x-api-key; the /openai paths in api-key, as bearer token, or a bearer
// token that has the form of a JWT; the /api paths ask for none. A socket also
// takes it as browsers send it, in the subprotocol openai-insecure-api-key.KEY.
//
// # What it says
//
// The last text of the last user message is the prompt, unless tool outputs
// follow it:
//
//	call NAME {"a":1}    calls the tool NAME (or NAMESPACE.NAME), if it was
//	                     offered; several calls in one prompt are made together
//	call NAME <<<text>>> calls it with raw text: the input of a custom tool, or
//	                     arguments that need not be JSON
//	think                as a word: reasoning precedes the answer
//	(tool outputs)       "tool said: " and each output
//	(anything else)      "echo: " and the prompt, at most 4 KiB of it
//
// A tool choice that demands a call gets one, with the least arguments that fit
// the tool's schema. A JSON response format gets a small value that fits it.
// With n choices all but the first say their number. A token limit cuts the
// answer, unless a header said how large it is to be.
//
// Four bytes of text are a token, and a started one counts: the same
// conversation costs the same in every dialect, whole and streamed. Input is
// the text of instructions, messages, tool calls and tool outputs, without tool
// definitions and reasoning. Output includes reasoning.
//
// # What it keeps
//
// Responses, unless store is false, chat completions whose store is true, and
// files are kept, of each kind the last 10,000 and 64 MiB, to be looked at,
// listed, changed and deleted as their interfaces have it. A stored response
// can be had as a stream too (stream=true), from the event behind
// starting_after on. One with background is queued, and finished
// when it is first looked at, or later if x-sim-polls says so; until then it can
// be cancelled. Looking at something costs nothing. Which key made an object is
// not asked: all of them are one account.
//
// # Images, sound and judgement
//
// An image is one point, whose colour the prompt decides; a PNG carries the echo
// as its description. An image costs 256 tokens, one that comes in 64. Models
// named dall-e… answer with links or base64 and without usage, and do not
// stream. Speech is a hum, 10 ms for each token of its text, real in WAV; other
// formats begin like what they are named and hold the same hum. It is sent in
// pieces, which are what N counts. A transcript is "echo: " and what came,
// sorted by name:
//
//	file=a.wav type=audio/wav bytes=44 sha256=0123456789ab; language=en; model=m
//
// and costs ten tokens a second, at 32,000 bytes a second; models with whisper
// in their name count seconds and do not stream. A moderation flags a text for
// every category whose name is a word of it. Forms are checked like JSON: a
// field twice, an unknown one, a file that is none is a 400.
//
// # Realtime
//
// A session knows the events of the published interface: session.update,
// conversation.item.create, .retrieve, .delete and .truncate,
// input_audio_buffer.append, .commit and .clear, response.create and .cancel.
// What the user typed is the prompt, as elsewhere; sound becomes, when it is
// committed, a text that says its size and hash, and a token each tenth of a
// second. An answer is text, or a hum with a transcript if audio is among the
// modalities, and costs its transcript once as text and once as sound. There is
// no voice detection. Each message is an event, of which N counts; a cut leaves
// the socket without a close frame, an early end with one, and x-sim-status and
// the like refuse the upgrade.
//
// # Misbehaviour
//
// Headers ask for it, or the name of the model. Durations are Go's (50ms, 2s),
// sizes plain bytes, KiB or MiB; a flag needs no value. Of a stream, N counts
// whole events. Where a whole answer cannot have events, it is sent by half, or
// by as many bytes as x-sim-cut-bytes says.
//
//	header               model               what happens
//	x-sim-first-byte: D  sim-slow (2s)       a delay before the status
//	x-sim-event-delay: D sim-slow (50ms)     a delay before each event
//	x-sim-stall: N       sim-stall (3)       after N events nothing more, on an open connection
//	x-sim-cut: N         sim-cut (3)         after N events the connection is closed in mid-answer
//	x-sim-cut-bytes: B                       … after B bytes of event N+1
//	x-sim-end-early: N   sim-end-early (3)   after N events a clean end of the body
//	x-sim-binary: N      sim-binary (1)      on a socket, the message after N others is a binary one
//	x-sim-status: S      sim-400 … sim-599   an error in the dialect's shape; a 2xx is the answer's status
//	x-sim-header: H: V                       a header of the answer, instead of its own; may be repeated
//	x-sim-body: TEXT                         the body, instead of what it would be
//	x-sim-html           sim-html            an HTML page; 200 unless x-sim-status says else
//	x-sim-error: first   sim-error-first     a 200 that begins with an error
//	x-sim-error: middle  sim-error           an error after the first delta (streams only)
//	x-sim-error-code: C                      its code; server_error if not said
//	x-sim-error-form: F                      Responses only: failed is response.failed, error a bare
//	                                         error event; if not said, the bare one comes first only
//	x-sim-no-usage       sim-no-usage        usage is left out
//	x-sim-no-done        sim-no-done         data: [DONE] is left out
//	x-sim-crlf           sim-crlf            lines end in CR LF
//	x-sim-comments       sim-comments        a comment before each event
//	x-sim-one-byte       sim-one-byte        each byte is written alone
//	x-sim-huge: SIZE     sim-huge (1MiB)     a text of that size, in one delta
//	x-sim-events: N      sim-endless         N deltas; endless is without end
//	x-sim-event-size: S                      bytes of each of those; 16 if not said
//	x-sim-endless-line   sim-endless-line    a line that does not end, from the second event on
//	x-sim-wrong-length:  sim-wrong-length    Content-Length is that much too large (+) or small (-);
//	    +N or -N             (+10)           HTTP/1 only
//	x-sim-polls: N                           a response in the background is still in progress the
//	                                         first N times that it is looked at
//	x-sim-early-answer                       the answer comes before the body is read
//	x-sim-reset          sim-reset           a TCP reset instead of an answer
//	x-sim-json-to-stream sim-json-to-stream  a whole answer to a request for a stream
//	x-sim-stream-to-json                     a stream to a request for a whole answer
//	x-sim-azure-items    sim-azure-items     Responses only: items as Azure takes them. Without store, an
//	                                         id of an item is "not found", but for reasoning, which needs
//	                                         its own; what another has sealed is invalid_encrypted_content
//	x-sim-think          sim-think           reasoning, whatever the prompt
//	x-sim-cached: N      sim-cached (half)   so many tokens of the input were cached; half is half
//	                     sim-unknown         404: there is no such model
//
// A header wins over the same thing in the model's name. An x-sim header that is
// not in this table is a 400. Nothing lasts longer than the client: all waiting
// ends when it leaves.
//
// # Trying it
//
//	weir simulate --listen 127.0.0.1:9000 &
//	curl http://127.0.0.1:9000/v1/chat/completions -H 'content-type: application/json' \
//	  -d '{"model":"sim-1","messages":[{"role":"user","content":"hello"}]}'
//	curl -N http://127.0.0.1:9000/v1/responses -H 'content-type: application/json' \
//	  -H 'x-sim-event-delay: 200ms' -H 'x-sim-cut: 7' \
//	  -d '{"model":"sim-1","input":"think about weirs","stream":true}'
//	curl -i http://127.0.0.1:9000/v1/chat/completions -H 'content-type: application/json' \
//	  -H 'x-sim-status: 429' -H 'x-sim-header: retry-after: 3' \
//	  -d '{"model":"sim-1","messages":[{"role":"user","content":"hello"}]}'
//	curl http://127.0.0.1:9000/sim/served?wait=5s
//
// # What it served
//
// GET /sim/served answers a [Report]: every request of the last 10,000, as it
// came, whether or not it was understood, and how it ended; of a form its
// parts, of a socket how many messages came and the hash of all of them. With
// wait=5s it first waits, at most so long, until no request is in flight; with
// after=SEQ it leaves out the first SEQ requests. DELETE forgets them. Nobody
// is asked for a credential there, and none is shown.
package simulator
