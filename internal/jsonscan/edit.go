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
	if skip(src, object.Start+1) < at {
		text := make([]byte, 0, 1+len(member))
		member = append(append(text, ','), member...)
	}
	return Edit{Span: Span{at, at}, Text: member}
}

// Name returns where the name is of the member whose value is at value in src,
// its quotes included. The value's span must be one that a scan of src
// returned, of a member that a path of the Spec names.
func Name(src []byte, value Span) Span {
	end := back(src, back(src, value.Start)) // before the colon
	start := end - 1
	for src[start] != '"' { // none of these names has one inside, however it is written
		start--
	}
	return Span{start, end + 1}
}

// RemoveMembers returns the edits that take members out of one object of src,
// in ascending order: each with its name and one comma. The spans are those of
// the members' values, in ascending order; see [Name]. It returns false if the
// object would be left without members.
func RemoveMembers(src []byte, values ...Span) (edits []Edit, left bool) {
	left = true
	for i := 0; i < len(values); i++ {
		start := Name(src, values[i]).Start
		end := skip(src, values[i].End)
		for src[end] == ',' && i+1 < len(values) && skip(src, end+1) == Name(src, values[i+1]).Start {
			i++
			end = skip(src, values[i].End)
		}
		if src[end] == ',' {
			edits = append(edits, Edit{Span: Span{start, skip(src, end+1)}})
			continue
		}
		// Nothing follows: the comma in front is one too many, if there is one.
		if at := back(src, start); src[at] == ',' {
			start = at
		} else {
			left = false
		}
		edits = append(edits, Edit{Span: Span{start, values[i].End}})
	}
	return edits, left
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// skip returns the first offset from at on that is no white space.
func skip(src []byte, at int) int {
	for isSpace(src[at]) {
		at++
	}
	return at
}

// back returns the last offset before at that is no white space.
func back(src []byte, at int) int {
	for at--; isSpace(src[at]); at-- {
	}
	return at
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
