package dialect

import (
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// A Reference is an id in a request of something that an upstream keeps: a
// response, an item, a file.
type Reference struct {
	Param string // the member that holds it: "input[3].content[].file_id"
	ID    string
}

// FirstOwn is the place, among the members that [Members] returns, of the
// first of the protocol's own.
const FirstOwn = atOptions

// Members returns the members that the requests of every protocol are read
// for, and behind them the protocol's own: paths for package jsonscan.
func Members(own ...string) []string {
	return append(watchedMembers[:atOptions:atOptions], own...)
}

// ReadReferring reads a request body as [ReadRequest] does, by paths that watch
// members, which [Members] has returned; the own ones of them that the scan
// reports are images, if they are among these many from FirstOwn on, and else
// references. kept is what Kept is where the request does not say.
func ReadReferring(paths *jsonscan.Paths, members []string, images int, body []byte, kept bool) (Request, error) {
	var buf [atOptions + 4]jsonscan.Hit
	found, err := paths.Scan(body, buf[:0])
	if err != nil {
		return Request{}, syntaxError(err)
	}
	if found.More {
		return Request{}, tooManyReferences("input")
	}
	r := Request{Choices: 1, Kept: kept, Marked: found.Marked, Counts: found.Counts, Object: found.Object}
	for _, h := range found.Hits {
		raw := body[h.Span.Start:h.Span.End]
		if h.Path >= FirstOwn+images {
			r.refer(members[h.Path], h, raw)
		} else if h.Path >= FirstOwn {
			r.Images = r.Images || h.Kind != jsonscan.Null
		} else if err := r.take(h, raw); err != nil {
			return Request{}, err
		}
	}
	return r, nil
}

// refer notes a reference. path is the member's path, in which the first []
// gets the index of h. What is no string is for the upstream to refuse.
func (r *Request) refer(path string, h jsonscan.Hit, raw []byte) {
	if h.Kind != jsonscan.String {
		return
	}
	id, err := jsonscan.Unquote(raw)
	if err != nil {
		return // never: Scan has read it
	}
	if h.Index >= 0 {
		path = strings.Replace(path, "[]", "["+strconv.Itoa(h.Index)+"]", 1)
	}
	r.References = append(r.References, Reference{path, id})
}
