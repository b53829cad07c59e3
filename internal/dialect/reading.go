package dialect

import "github.com/weir-gateway/weir/internal/jsonscan"

// A Reading reads requests of a protocol that has members of its own beside
// "model" and "stream". It is immutable.
type Reading struct{ paths *jsonscan.Paths }

// NewReading returns a reading that looks at these members, too. They are
// paths of package jsonscan.
func NewReading(members ...string) *Reading {
	return &Reading{jsonscan.Compile(jsonscan.Spec{Watch: append(watchedMembers[:atOptions:atOptions], members...)})}
}

// Read reads a request body as [ReadRequest] does, and gives each of the
// members that are there to take, by its place among them, with its raw value.
func (g *Reading) Read(body []byte, take func(r *Request, member int, kind jsonscan.ValueKind, raw []byte)) (Request, error) {
	found, err := g.paths.Scan(body, nil)
	if err != nil {
		return Request{}, syntaxError(err)
	}
	r := Request{Choices: 1, Counts: found.Counts, Object: found.Object}
	for _, h := range found.Hits {
		raw := body[h.Span.Start:h.Span.End]
		if h.Path >= atOptions {
			take(&r, h.Path-atOptions, h.Kind, raw)
		} else if err := r.take(h, raw); err != nil {
			return Request{}, err
		}
	}
	return r, nil
}
