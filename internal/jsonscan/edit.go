package jsonscan

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// An Edit replaces the bytes at Span by Text. An empty Span at an offset
// inserts there.
type Edit struct {
	Span Span
	Text []byte
}

// Splice appends src with the edits applied to dst and returns the extended
// slice. Every byte of src outside of the spans is kept as it is. dst and src
// must not overlap.
//
// The edits must be in ascending order, lie within src and not overlap; Splice
// panics otherwise, since a caller that got its spans wrong must not send the
// result.
func Splice(dst, src []byte, edits ...Edit) []byte {
	at := 0
	for _, e := range edits {
		if e.Span.Start < at || e.Span.End < e.Span.Start || e.Span.End > len(src) {
			panic(fmt.Sprintf("jsonscan: edit of [%d:%d) after offset %d of %d bytes", e.Span.Start, e.Span.End, at, len(src)))
		}
		dst = append(dst, src[at:e.Span.Start]...)
		dst = append(dst, e.Text...)
		at = e.Span.End
	}
	return append(dst, src[at:]...)
}

// InsertMember returns the edit that adds a member, `"name":value`, as the
// last one of an object of src. The object's span must be one that a scan of
// src returned. For two members in one object, pass both with a comma between
// them: two edits would not know of each other.
func InsertMember(src []byte, object Span, member []byte) Edit {
	at := object.End - 1
	i := object.Start + 1
	for src[i] == ' ' || src[i] == '\n' || src[i] == '\r' || src[i] == '\t' {
		i++
	}
	if i < at {
		text := make([]byte, 0, 1+len(member))
		member = append(append(text, ','), member...)
	}
	return Edit{Span: Span{at, at}, Text: member}
}

// AppendQuote appends s as a JSON string to dst. Bytes that are not UTF-8
// become U+FFFD.
func AppendQuote(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // it reports invalid UTF-8, having replaced it
	return dst
}

// Unquote decodes a raw JSON string, quotes included. It returns an error if
// raw is not exactly one string, or one with invalid UTF-8 or lone surrogates.
func Unquote(raw []byte) (string, error) {
	s, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "", fmt.Errorf("decoding a JSON string: %w", err)
	}
	return string(s), nil
}
