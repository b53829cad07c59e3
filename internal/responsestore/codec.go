package responsestore

import (
	"encoding/binary"
	"errors"
	"time"
)

// The plain form of a record: a version, the times in milliseconds of Unix
// time, then texts, each with its length before it. Numbers are varints.
const codecVersion = 1

// errForm is returned for bytes that no record was encoded to.
var errForm = errors.New("responsestore: the record is in a form that this version does not know")

func encode(r *Record) []byte {
	size := 64 + len(r.Body)
	for _, items := range [][]Item{r.Input, r.Output} {
		for _, item := range items {
			size += len(item.ID) + len(item.Raw) + 8
		}
	}
	b := append(make([]byte, 0, size), codecVersion)
	b = binary.AppendVarint(b, r.Created.UnixMilli())
	b = binary.AppendVarint(b, r.Expires.UnixMilli())
	for _, s := range r.texts() {
		b = appendText(b, *s)
	}
	for _, items := range [][]Item{r.Input, r.Output} {
		b = binary.AppendUvarint(b, uint64(len(items)))
		for _, item := range items {
			b = appendText(appendText(b, item.ID), item.Raw)
		}
	}
	return appendText(b, r.Body)
}

// texts are the members that are texts, in the order of the form.
func (r *Record) texts() []*string {
	return []*string{&r.Key, &r.Parent, &r.Model, &r.Upstream, &r.Bound, &r.Status}
}

func appendText[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decode sets the members of r that [encode] has written. What it sets are
// parts of b.
func decode(b []byte, r *Record) error {
	if len(b) == 0 || b[0] != codecVersion {
		return errForm
	}
	d := decoder{b: b[1:]}
	r.Created, r.Expires = d.time(), d.time()
	for _, s := range r.texts() {
		*s = string(d.text())
	}
	r.Input, r.Output = d.items(), d.items()
	r.Body = d.text()
	if d.bad || len(d.b) > 0 {
		return errForm
	}
	return nil
}

// A decoder reads what is left in b. Once something is wrong it stays bad and
// returns zero values.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) time() time.Time {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return time.Time{}
	}
	d.b = d.b[n:]
	return time.UnixMilli(v)
}

func (d *decoder) length() int {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > uint64(len(d.b)-n) { // nothing takes less than a byte
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return int(v)
}

func (d *decoder) text() []byte {
	n := d.length()
	out := d.b[:n:n]
	d.b = d.b[n:]
	if n == 0 {
		return nil
	}
	return out
}

func (d *decoder) items() []Item {
	n := d.length()
	var all []Item
	for range n {
		item := Item{ID: string(d.text()), Raw: d.text()}
		if d.bad {
			return nil
		}
		all = append(all, item)
	}
	return all
}

func (d *decoder) fail() { d.b, d.bad = nil, true }
