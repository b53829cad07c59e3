package simulator

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"unicode/utf8"
)

// The sound that is made: 24,000 samples a second of two bytes, and one piece
// of 10 ms for each token of the text.
const (
	sampleRate = 24_000
	pieceBytes = 480
)

// maxSpoken is the longest text that is spoken, in characters.
const maxSpoken = 4096

// audioTypes are the content types of the formats.
var audioTypes = map[string]string{ // immutable
	"mp3": "audio/mpeg", "opus": "audio/opus", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav", "pcm": "audio/pcm",
}

// audioMagic is how a file of each format begins; that of wav says its length.
var audioMagic = map[string]string{ // immutable
	"mp3": "ID3\x04\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x64", "opus": "OggS", "aac": "\xff\xf1", "flac": "fLaC", "pcm": "",
}

// A speech is one exchange that speaks a text.
type speech struct {
	x      *exchange
	model  string
	text   string
	format string
	events bool // Server-Sent Events instead of bytes
	cost   usage
}

// serveSpeech answers POST …/audio/speech.
func (x *exchange) serveSpeech() error {
	var k checker
	c := &speech{x: x, model: x.model(&k, "")}
	c.parse(&k)
	if err := k.err(); err != nil {
		return err
	}
	if ok, err := x.ready(c.model, c.events); !ok {
		return err
	}
	n := tokens(len(c.text))
	c.cost = usage{input: n, output: n, characters: utf8.RuneCountInString(c.text)}
	if x.streaming(c.events) {
		c.streamed()
		return nil
	}
	x.pieces = true
	x.open(audioTypes[c.format], x.cut)
	c.speak(func(piece []byte) {
		x.send(piece)
		x.spoke = true
	})
	x.used(c.cost, false)
	return nil
}

func (c *speech) parse(k *checker) {
	req := c.x.req
	c.text = k.needText(req, "input")
	if n := utf8.RuneCountInString(c.text); n > maxSpoken {
		k.fail("input", "Invalid 'input': %d characters are more than %d.", n, maxSpoken)
	}
	switch v := req.get("voice"); {
	case v.isObject():
		k.needText(v.object(), "id")
	default:
		k.needText(req, "voice")
	}
	k.text(req, "instructions")
	k.number(req, "speed", 4)
	if c.format = k.text(req, "response_format"); c.format == "" {
		c.format = "mp3"
	}
	k.oneOf("response_format", c.format, "mp3 opus aac flac wav pcm")
	how := k.text(req, "stream_format")
	if how != "" {
		k.oneOf("stream_format", how, "sse audio")
	}
	if c.events = how == "sse"; c.events && strings.HasPrefix(c.model, "tts-1") {
		k.fail("stream_format", "'stream_format' 'sse' is not supported with this model.")
	}
}

// streamed sends the sound as events.
func (c *speech) streamed() {
	x := c.x
	x.open(eventStream, x.failOpenAI)
	c.speak(func(piece []byte) {
		b := append(x.fresh(`data: {"type":"speech.audio.delta","audio":"`), base64.StdEncoding.EncodeToString(piece)...)
		x.delta(append(b, `"}`...))
	})
	b := x.fresh(`data: {"type":"speech.audio.done"`)
	if !x.m.noUsage {
		b = fmt.Appendf(b, `,"usage":{"input_tokens":%d,"output_tokens":%d,"total_tokens":%d}`, c.cost.input, c.cost.output, c.cost.input+c.cost.output)
	}
	x.event(append(b, '}'))
	x.used(c.cost, !x.m.noUsage)
}

// speak gives the sound to send, piece by piece.
func (c *speech) speak(send func([]byte)) {
	m := &c.x.m
	count, size := tokens(len(c.text)), pieceBytes
	switch {
	case m.huge > 0:
		count, size = 1, m.huge
	case m.endless:
		count, size = maxEndless, orNumber(m.eventSize, pieceBytes)
	case m.events > 0:
		count, size = m.events, m.eventSize
	}
	head := []byte(audioMagic[c.format])
	if c.format == "wav" {
		head = wavHead(count * size)
	}
	tone := tone(c.text, size)
	for i := 0; i < count && !c.x.over; i++ {
		if i == 0 {
			send(append(head, tone...))
		} else {
			send(tone)
		}
	}
}

func orNumber(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

// tone returns n bytes of sound, a hum whose pitch text decides.
func tone(text string, n int) []byte {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // never fails
	pitch := float64(100 * (1 + h.Sum32()%8))
	b := make([]byte, 0, n+1)
	for i := 0; len(b) < n; i++ {
		level := 8000 * math.Sin(2*math.Pi*pitch*float64(i)/sampleRate)
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(level)))
	}
	return b[:n]
}

// wavHead returns the head of a WAV file with n bytes of sound.
func wavHead(n int) []byte {
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(n+36))
	b = binary.LittleEndian.AppendUint32(append(b, "WAVEfmt "...), 16)
	for _, v := range []uint16{1, 1, sampleRate & 0xffff, sampleRate >> 16, 2 * sampleRate & 0xffff, 2 * sampleRate >> 16, 2, 16} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return binary.LittleEndian.AppendUint32(append(b, "data"...), uint32(n))
}
