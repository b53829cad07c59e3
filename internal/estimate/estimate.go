package estimate

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/llm"
)

// The rules of thumb, in tokens or in bytes for one.
//
// Sources: OpenAI's and Anthropic's pages on counting tokens, images, sound and
// PDF, read 2026-11-21. Assumptions: what a page of a PDF and a second of sound
// take in bytes.
const (
	// BytesPerToken is of text of which nothing is known, English most often.
	BytesPerToken = 4

	// Base64PerToken is of images and files in base64 of which nothing is
	// known: 100 KB are about a thousand tokens.
	Base64PerToken = 100

	perRequest = 3 // what begins the answer
	perMessage = 4 // who speaks, and where it ends
	perCall    = 8 // of a tool, and of its output: the id and how it is framed

	image       = 1000
	imageLow    = 85
	page        = 1500     // of a PDF
	pageBytes   = 50 << 10 // of one, about
	soundPerSec = 10
	waveBytes   = 48000 // of a second, 16 bit at 24 kHz
	soundBytes  = 16000 // of a second of anything compressed
)

// Bytes returns the tokens of so many bytes of text and of base64.
func Bytes(text, base64 int64) int64 {
	return ceil(text+base64*BytesPerToken/Base64PerToken, BytesPerToken)
}

func ceil(n, by int64) int64 { return (n + by - 1) / by }

// Text returns the tokens of a text: a token is four bytes of language, three
// of what is full of signs and digits, as code and JSON are, and one and a half
// characters of Chinese, Japanese and Korean.
func Text(s string) int64 {
	var wide, rest, signs int64
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c > ' ' && (c|0x20 < 'a' || c|0x20 > 'z') {
				signs++
			}
			rest++
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			wide++
		} else {
			rest += int64(size)
		}
		i += size
	}
	per := int64(BytesPerToken)
	if signs*6 > rest { // of prose, hardly one in twenty
		per = 3
	}
	return ceil(rest, per) + ceil(2*wide, 3)
}

// schema returns the tokens of a JSON schema: providers write it more tersely
// than it came.
func schema(raw []byte) int64 { return ceil(2*int64(len(raw)), 7) }

// Request returns the tokens of all that a request puts in front of the model:
// instructions, items, tools and the form of the answer. What is sealed is not
// counted, nor what the provider keeps.
func Request(r *llm.Request) int64 {
	n := int64(perRequest)
	if r.Instructions != "" {
		n += Text(r.Instructions) + perMessage
	}
	for i := range r.Items {
		n += item(&r.Items[i])
	}
	n += tools(r.Tools) + schema(r.Format.Schema)
	return n
}

func item(i *llm.Item) int64 {
	var n int64
	for k := range i.Parts {
		n += part(&i.Parts[k])
	}
	switch i.Kind {
	case llm.ItemCall:
		return n + Text(i.Name) + Text(i.Input) + perCall
	case llm.ItemOutput:
		return n + perCall
	case llm.ItemTools:
		return n + tools(i.Tools)
	case llm.ItemHosted, llm.ItemUnknown:
		return n + ceil(int64(len(i.Raw)), BytesPerToken)
	case llm.ItemReasoning, llm.ItemReference:
		return n
	default:
		return n + perMessage
	}
}

func part(p *llm.Part) int64 {
	switch p.Kind {
	case llm.PartImage:
		if p.Detail == "low" {
			return imageLow
		}
		return image
	case llm.PartAudio:
		per := int64(soundBytes)
		if strings.Contains(p.Media, "wav") || strings.Contains(p.Media, "pcm") {
			per = waveBytes
		}
		return ceil(decoded(p.Data)*soundPerSec, per)
	case llm.PartFile:
		return file(p)
	case llm.PartUnknown:
		return ceil(int64(len(p.Raw)), BytesPerToken)
	default:
		return Text(p.Text)
	}
}

// file returns the tokens of a file: as text if it is one, else by its pages,
// one at least.
func file(p *llm.Part) int64 {
	if strings.HasPrefix(p.Media, "text/") {
		return ceil(decoded(p.Data), BytesPerToken) + Text(p.Text)
	}
	if p.Data == "" && p.Text != "" {
		return Text(p.Text)
	}
	return page * max(1, ceil(decoded(p.Data), pageBytes))
}

// decoded returns how many bytes a text in base64 stands for.
func decoded(base64 string) int64 { return int64(len(base64)) / 4 * 3 }

func tools(all []llm.Tool) int64 {
	var n int64
	for i := range all {
		t := &all[i]
		if t.Kind == llm.ToolHosted {
			n += schema(t.Raw)
			continue
		}
		n += Text(t.Name) + Text(t.Description) + schema(t.Schema) + Text(t.Grammar.Definition) + tools(t.Tools) + perCall
	}
	return n
}
