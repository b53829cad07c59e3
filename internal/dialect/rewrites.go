package dialect

import (
	"bytes"
	"strconv"

	"github.com/weir-gateway/weir/internal/jsontree"
)

// Rewrites names, for people, what differs between a request as the client sent
// it and as it goes upstream, in another protocol if it is translated. Of values
// only the model's name, numbers and words of JSON are shown.
func Rewrites(from, to []byte, translated bool) []string {
	if bytes.Equal(from, to) {
		return nil
	}
	if translated {
		return []string{"all of it: " + strconv.Itoa(len(from)) + " bytes become " + strconv.Itoa(len(to))}
	}
	before, err1 := jsontree.Parse(from)
	after, err2 := jsontree.Parse(to)
	if err1 != nil || err2 != nil {
		return []string{"the body"}
	}
	var out []string
	for name, now := range after.Members() {
		was := before.Get(name)
		switch {
		case was.Kind() == 0:
			out = append(out, name+": added"+shown(name, now.Raw()))
		case !bytes.Equal(was.Raw(), now.Raw()):
			out = append(out, name+":"+shown(name, was.Raw())+" →"+shown(name, now.Raw()))
		}
	}
	for name := range before.Members() {
		if after.Get(name).Kind() == 0 {
			out = append(out, name+": removed")
		}
	}
	return out
}

// shown returns a value that tells nothing of a prompt, behind a space.
func shown(name string, raw []byte) string {
	const most = 200
	if name == "model" || len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' || raw[0] == 't' || raw[0] == 'f' || raw[0] == 'n') {
		return " " + string(raw[:min(len(raw), most)])
	}
	return " …"
}
