package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

const (
	speechPath = "/v1/audio/speech"
	speechBody = `{"model":"m","input":"hello","voice":"alloy"}`
)

// TestBytes: sound and subtitles pass as they are; nothing else does.
func TestBytes(t *testing.T) {
	large := strings.Repeat("\xff\xfb\x90\x64 \x00\r\n", 50_000)
	for _, tt := range []struct {
		name, contentType, body string
		speech, text            llm.Code // of an answer to speech, and to a transcription
	}{
		{"MP3", "audio/mpeg", "ID3\x04", "", llm.CodeUpstreamInvalid},
		{"with parameters", "Audio/L16; rate=24000", "\x00\x01", "", llm.CodeUpstreamInvalid},
		{"bytes", "application/octet-stream", large, "", llm.CodeUpstreamInvalid},
		{"no bytes", "audio/wav", "", "", llm.CodeUpstreamInvalid},
		{"text", "text/plain; charset=utf-8", "hello\n", llm.CodeUpstreamInvalid, ""},
		{"much text", "text/plain", large, llm.CodeUpstreamInvalid, ""},
		{"no text", "text/plain", "", llm.CodeUpstreamInvalid, ""},
		{"SubRip", "application/x-subrip", "1\n00:00:00,000 --> 00:00:01,000\nhello\n", llm.CodeUpstreamInvalid, ""},
		{"SubRip as text", "text/srt", "1\n", llm.CodeUpstreamInvalid, ""},
		{"WebVTT", "text/vtt", "WEBVTT\n", llm.CodeUpstreamInvalid, ""},
		{"a page", "text/html; charset=utf-8", page, llm.CodeUpstreamInvalid, llm.CodeUpstreamInvalid},
		{"a page in capitals", "TEXT/HTML", page, llm.CodeUpstreamInvalid, llm.CodeUpstreamInvalid},
		{"a page without a type", "", page, llm.CodeUpstreamInvalid, llm.CodeUpstreamInvalid},
		{"a page as JSON", "application/json", page, llm.CodeUpstreamInvalid, llm.CodeUpstreamInvalid},
		{"XML", "text/xml", "<a/>", llm.CodeUpstreamInvalid, llm.CodeUpstreamInvalid},
		{"a film", "video/mp4", "ftyp", llm.CodeUpstreamInvalid, llm.CodeUpstreamInvalid},
		{"JSON", "application/json", `{"text":"hello"}`, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := newProvider(t, func(c *upcall) {
				head := "HTTP/1.1 200 OK\r\n"
				if tt.contentType != "" {
					head = ok(tt.contentType)
				}
				c.keep = true
				if strings.HasSuffix(c.path, "translations") {
					c.send(head, "Transfer-Encoding: chunked\r\n\r\n", chunk(tt.body), "0\r\n\r\n")
					return
				}
				c.send(head, length(len(tt.body)), "\r\n", tt.body)
			})
			g := gatetest.Start(t, wired, "UP", up.URL)
			form, contentType := formed(t, val("model", "m"), sound(100))
			for i, c := range []struct {
				path, body, contentType string
				code                    llm.Code
			}{
				{speechPath, speechBody, "application/json", tt.speech},
				{"/v1/audio/transcriptions", form, contentType, tt.text},
				{"/v1/audio/translations", form, contentType, tt.text},
			} {
				r := upload(t, g, c.path, strings.NewReader(c.body), "Content-Type", c.contentType)
				e := last(t, g, i+1)
				if e.Code != c.code {
					t.Errorf("%s: code %s, want %s", c.path, e.Code, c.code)
				}
				if c.code != "" {
					wantFailure(t, r.status, r.header, r.body, c.code)
				} else if r.status != http.StatusOK || r.broken != nil || r.body != tt.body || r.header.Get("Content-Type") != tt.contentType {
					t.Errorf("%s: %d %s, %d bytes (%v), want %d", c.path, r.status, r.header.Get("Content-Type"), len(r.body), r.broken, len(tt.body))
				}
			}
			wantNothingLogged(t, g)
			wantNoUploads(t, g)
			up.idle(t)
		})
	}
}

// TestBytesThatBreak: a status where one can still be sent, a broken
// connection where not; never a clean end.
func TestBytesThatBreak(t *testing.T) {
	for _, tt := range []struct {
		name string
		send func(c *upcall)
		code llm.Code
		torn bool
	}{
		{"before the first byte", func(c *upcall) { c.send(ok("audio/mpeg"), length(1000), "\r\n"); c.reset() }, llm.CodeUpstreamTruncated, false},
		{"in the middle", func(c *upcall) { c.send(ok("audio/mpeg"), length(1000), "\r\n", "ID3") }, llm.CodeUpstreamTruncated, true},
		{"in the middle, in chunks", func(c *upcall) {
			c.send(ok("audio/mpeg"), "Transfer-Encoding: chunked\r\n\r\n", chunk("ID3"), "ff\r\nx")
		}, llm.CodeUpstreamTruncated, true},
		{"a chunk that is none", func(c *upcall) {
			c.send(ok("audio/mpeg"), "Transfer-Encoding: chunked\r\n\r\n", chunk("ID3"), "zz\r\n")
		}, llm.CodeUpstreamInvalid, true},
		{"no content", func(c *upcall) { c.send("HTTP/1.1 204 No Content\r\n\r\n") }, llm.CodeUpstreamTruncated, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := newProvider(t, tt.send)
			g := gatetest.Start(t, wired, "UP", up.URL)
			r := upload(t, g, speechPath, strings.NewReader(speechBody), "Content-Type", "application/json")
			if e := last(t, g, 1); e.Code != tt.code || e.Usage.Characters != 5 || e.Usage.Provenance != llm.UsageEstimated {
				t.Errorf("entry = %+v, want %s with an estimate", e, tt.code)
			}
			switch {
			case !tt.torn:
				wantFailure(t, r.status, r.header, r.body, tt.code)
			case r.status == http.StatusOK && r.broken == nil: // which of the two it is, depends on how the bytes come
				t.Errorf("%d %q, want a failure or a broken connection", r.status, r.body)
			}
		})
	}
}

// TestSoundArrivesAsItComes: the first bytes are there while the upstream is
// still making the rest.
func TestSoundArrivesAsItComes(t *testing.T) {
	heard := make(chan struct{})
	up := newProvider(t, func(c *upcall) {
		c.send(ok("audio/mpeg"), "Transfer-Encoding: chunked\r\n\r\n", chunk("ID3"))
		<-heard
		c.send(chunk("rest"), "0\r\n\r\n")
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	resp := g.Post(t, speechPath, speechBody)
	first := make([]byte, 3)
	_, err := io.ReadFull(resp.Body, first)
	close(heard)
	if err != nil || string(first) != "ID3" {
		t.Errorf("first came %q, %v", first, err)
	}
	if rest := gatetest.Body(t, resp); rest != "rest" {
		t.Errorf("then came %q", rest)
	}
}
