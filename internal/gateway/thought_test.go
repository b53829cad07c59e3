package gateway

import (
	"bytes"
	"testing"

	"github.com/weir-gateway/weir/internal/llm"
)

// FuzzReadThought: whatever opens is read without a panic, and what was written
// is read as it was.
func FuzzReadThought(f *testing.F) {
	from := maker{dialect: llm.Messages, upstream: "up"}
	from.account[3], from.caller[5] = 7, 9
	f.Add(writeThought(from, &llm.Item{ID: "rs_1", Sealed: "sig", Redacted: true}, []llm.Part{{Kind: llm.PartSummary, Text: "hm"}}))
	f.Add(writeThought(maker{}, &llm.Item{}, nil))
	f.Add([]byte{thoughtVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		from, got, err := readThought(b)
		if err != nil {
			return
		}
		item := &llm.Item{ID: got.id, Sealed: got.payload, Redacted: got.redacted}
		again := writeThought(from, item, got.parts)
		from2, got2, err := readThought(again)
		if err != nil || from2 != from || got2.id != got.id || got2.payload != got.payload || got2.redacted != got.redacted || len(got2.parts) != len(got.parts) {
			t.Errorf("%x was read as %+v, %+v, and written as %x", b, from, got, again)
		}
		for i := range got.parts {
			if got2.parts[i].Text != got.parts[i].Text || got2.parts[i].Kind != got.parts[i].Kind {
				t.Errorf("part %d of %x is %+v", i, again, got2.parts[i])
			}
		}
		if !bytes.Equal(again, writeThought(from2, item, got2.parts)) {
			t.Error("it is written otherwise the second time")
		}
	})
}
