package responsestore

import (
	"bytes"
	"testing"
	"time"
)

func FuzzDecode(f *testing.F) {
	f.Add(encode(&Record{}))
	f.Add(encode(&Record{
		Created: time.UnixMilli(1), Expires: time.UnixMilli(-2), Parent: "p", Status: "completed",
		Input: []Item{{ID: "a", Raw: []byte("{}")}, {}}, Output: []Item{{}}, Body: []byte("body"),
	}))
	f.Add([]byte{codecVersion, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r, again Record
		if decode(b, &r) != nil {
			return
		}
		out := encode(&r)
		if err := decode(out, &again); err != nil {
			t.Fatalf("%x, from %x: %v", out, b, err)
		}
		if back := encode(&again); !bytes.Equal(back, out) {
			t.Errorf("%x becomes %x", out, back)
		}
	})
}

func TestDecode(t *testing.T) {
	good := encode(&Record{Parent: "p", Input: []Item{{ID: "a", Raw: []byte("{}")}}, Body: []byte("body")})
	for n := range good {
		if err := decode(good[:n], new(Record)); err == nil {
			t.Errorf("%d of %d bytes are read", n, len(good))
		}
	}
	if err := decode(append(bytes.Clone(good), 0), new(Record)); err == nil {
		t.Error("a byte too many is read")
	}
	other := bytes.Clone(good)
	other[0]++
	if err := decode(other, new(Record)); err == nil {
		t.Error("another version is read")
	}
}
