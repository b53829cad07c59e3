package simulator

import (
	"fmt"
	"strings"
)

// What is heard: 32,000 bytes are a second, and a second is ten tokens.
const (
	heardBytes  = 32_000
	heardTokens = 10
)

// segmentWords is how many words a segment has.
const segmentWords = 8

const textPlain = "text/plain; charset=utf-8"

// A transcript is one exchange that writes down what a file says. It says what
// came: the file's name, type, size and hash, and the other fields.
type transcript struct {
	x      *exchange
	model  string
	format string
	stream bool
	words  bool // each word is to have its times
	cost   usage
	text   string
	heard  int // tokens of cost.input that are sound

	answer answer
}

// serveTranscription answers POST …/audio/transcriptions.
func (x *exchange) serveTranscription() error {
	var k checker
	x.fields(&k, fields{
		files: "file",
		texts: "model language prompt response_format temperature stream chunking_strategy chunking_strategy[type] chunking_strategy[threshold] " +
			"chunking_strategy[prefix_padding_ms] chunking_strategy[silence_duration_ms]",
		lists: "include timestamp_granularities languages keywords known_speaker_names known_speaker_references",
	})
	c := &transcript{x: x, model: x.model(&k, "")}
	c.parse(&k, "json text srt verbose_json vtt diarized_json")
	for _, v := range x.req.get("timestamp_granularities").elems() {
		k.oneOf("timestamp_granularities", v.str(), "word segment")
		c.words = c.words || v.str() == "word"
	}
	// The old family does not stream, and ignores that it was asked to.
	c.stream = k.flag(x.req, "stream") && !c.whisper()
	if strings.Contains(c.model, "gpt") && !hasWord("json text diarized_json", c.format) {
		k.failCode("unsupported_value", "response_format", "response_format '%s' is not compatible with model '%s'. Use 'json' or 'text' instead.", c.format, c.model)
	}
	return c.serve(&k)
}

// serveTranslation answers POST …/audio/translations.
func (x *exchange) serveTranslation() error {
	var k checker
	x.fields(&k, fields{files: "file", texts: "model prompt response_format temperature"})
	c := &transcript{x: x, model: x.model(&k, "")}
	c.parse(&k, "json text srt verbose_json vtt")
	return c.serve(&k)
}

// whisper reports whether the model is one of the old family, which counts
// seconds.
func (c *transcript) whisper() bool { return strings.Contains(c.model, "whisper") }

func (c *transcript) parse(k *checker, formats string) {
	file := c.x.needFile(k, "file")
	c.cost.seconds = (len(file.data) + heardBytes - 1) / heardBytes
	if c.format = k.text(c.x.req, "response_format"); c.format == "" {
		c.format = "json"
	}
	k.oneOf("response_format", c.format, formats)
	k.number(c.x.req, "temperature", 1)
}

func (c *transcript) serve(k *checker) error {
	if err := k.err(); err != nil {
		return err
	}
	x := c.x
	if ok, err := x.ready(c.model, c.stream); !ok {
		return err
	}
	c.answer = x.answer(&turn{user: x.form.describe(), n: 1}, 0)
	c.text = c.answer.text
	if !c.whisper() && x.operation == "transcription" {
		c.heard = heardTokens * c.cost.seconds
		c.cost.input = c.heard + tokens(len(x.req.get("prompt").str()))
		c.cost.output = tokens(len(c.text))
	}
	switch {
	case x.streaming(c.stream):
		c.streamed()
		return nil
	case c.format == "json":
		x.writeWhole(x.success(), "application/json", indent(c.json()))
	case c.format == "verbose_json":
		x.writeWhole(x.success(), "application/json", indent(c.verbose()))
	case c.format == "diarized_json":
		x.writeWhole(x.success(), "application/json", indent(c.diarized()))
	default:
		x.writeWhole(x.success(), textPlain, c.plain())
	}
	told := strings.HasSuffix(c.format, "json") && x.operation == "transcription" && !x.m.noUsage
	x.used(c.cost, told)
	return nil
}

// json returns the text and, of a transcription, what it cost.
func (c *transcript) json() []byte {
	b := appendString([]byte(`{"text":`), c.text)
	return append(c.usage(b, c.whisper()), '}')
}

// usage appends what it cost, in seconds or in tokens.
func (c *transcript) usage(b []byte, seconds bool) []byte {
	switch {
	case c.x.m.noUsage || c.x.operation != "transcription":
		return b
	case seconds:
		return fmt.Appendf(b, `,"usage":{"type":"duration","seconds":%d}`, c.cost.seconds)
	}
	return fmt.Appendf(b, `,"usage":{"type":"tokens","input_tokens":%d,"input_token_details":{"text_tokens":%d,"audio_tokens":%d},"output_tokens":%d,"total_tokens":%d}`,
		c.cost.input, c.cost.input-c.heard, c.heard, c.cost.output, c.cost.input+c.cost.output)
}

// A segment is a piece of the text and when it is said, in seconds.
type segment struct {
	text       string
	start, end float64
}

// segments splits the text after every n words.
func (c *transcript) segments(n int) []segment {
	words := strings.Fields(c.text)
	each := float64(max(c.cost.seconds, 1)) / float64(max(len(words), 1))
	var list []segment
	for i := 0; i < len(words); i += n {
		end := min(i+n, len(words))
		list = append(list, segment{strings.Join(words[i:end], " "), each * float64(i), each * float64(end)})
	}
	return list
}

// head begins an answer that has times.
func (c *transcript) head() []byte {
	task, language := "transcribe", c.x.req.get("language").str()
	if c.x.operation == "translation" {
		task = "translate"
	}
	if language == "" {
		language = "english"
	}
	b := fmt.Appendf(nil, `{"task":%q,"language":`, task)
	b = fmt.Appendf(appendString(b, language), `,"duration":%.2f,"text":`, float64(c.cost.seconds))
	return appendString(b, c.text)
}

func (c *transcript) verbose() []byte {
	b := append(c.head(), `,"segments":[`...)
	for i, s := range c.segments(segmentWords) {
		b = fmt.Appendf(append(b, openComma(i, "")...), `{"id":%d,"seek":0,"start":%.2f,"end":%.2f,"text":`, i, s.start, s.end)
		b = append(appendString(b, s.text), `,"tokens":[],"temperature":0.0,"avg_logprob":-0.1,"compression_ratio":1.0,"no_speech_prob":0.0}`...)
	}
	b = append(b, ']')
	if c.words {
		b = append(b, `,"words":[`...)
		for i, s := range c.segments(1) {
			b = appendString(append(append(b, openComma(i, "")...), `{"word":`...), s.text)
			b = fmt.Appendf(b, `,"start":%.2f,"end":%.2f}`, s.start, s.end)
		}
		b = append(b, ']')
	}
	return append(c.usage(b, true), '}')
}

// diarized says who speaks: always the same one.
func (c *transcript) diarized() []byte {
	b := append(c.head(), `,"segments":[`...)
	for i, s := range c.segments(segmentWords) {
		b = fmt.Appendf(append(b, openComma(i, "")...), `{"type":"transcript.text.segment","id":"seg_%03d","start":%.2f,"end":%.2f,"text":`, i, s.start, s.end)
		b = append(appendString(b, s.text), `,"speaker":"A"}`...)
	}
	return append(c.usage(append(b, ']'), c.whisper()), '}')
}

// plain returns the text, or subtitles.
func (c *transcript) plain() []byte {
	if c.format == "text" {
		return []byte(c.text + "\n")
	}
	var b []byte
	point := ","
	if c.format == "vtt" {
		b, point = []byte("WEBVTT\n\n"), "."
	}
	for i, s := range c.segments(segmentWords) {
		if c.format == "srt" {
			b = fmt.Appendf(b, "%d\n", i+1)
		}
		b = fmt.Appendf(b, "%s --> %s\n%s\n\n", clock(s.start, point), clock(s.end, point), s.text)
	}
	return b
}

// clock writes seconds as subtitles do.
func clock(seconds float64, point string) string {
	ms := int(seconds * 1000)
	return fmt.Sprintf("%02d:%02d:%02d%s%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, point, ms%1000)
}

// streamed sends the text as events.
func (c *transcript) streamed() {
	x := c.x
	x.open(eventStream, x.failOpenAI)
	for cut := c.answer.textCutter(); !x.over; {
		piece, ok := cut.next()
		if !ok {
			break
		}
		b := appendString(x.fresh(`data: {"type":"transcript.text.delta","delta":`), piece)
		x.delta(append(b, '}'))
	}
	b := appendString(x.fresh(`data: {"type":"transcript.text.done","text":`), c.text)
	x.event(append(c.usage(b, false), '}'))
	x.used(c.cost, !x.m.noUsage)
}
