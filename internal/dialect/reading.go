package dialect

import (
	"slices"
	"strconv"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// A Reading reads requests of a protocol that has members of its own beside
// "model" and "stream". It is immutable.
type Reading struct {
	paths   *jsonscan.Paths
	watched []string // what paths watch
	refer   int      // the place in watched from which on they are references
}

// NewReading returns a reading that looks at these members, too, and at those
// that refer to something that an upstream keeps. They are paths of package
// jsonscan.
func NewReading(members []string, references ...string) *Reading {
	watched := Members(slices.Concat(members, references)...)
	return &Reading{jsonscan.Compile(jsonscan.Spec{Watch: watched}), watched, FirstOwn + len(members)}
}

// Read reads a request body as [ReadRequest] does. It notes references, and
// gives each of the other members that are there to take, by its place among
// them, with its raw value.
func (g *Reading) Read(body []byte, take func(r *Request, member int, kind jsonscan.ValueKind, raw []byte)) (Request, error) {
	found, err := g.paths.Scan(body, nil)
	if err != nil {
		return Request{}, syntaxError(err)
	}
	if found.More {
		return Request{}, tooManyReferences()
	}
	r := Request{Choices: 1, Counts: found.Counts, Object: found.Object}
	for _, h := range found.Hits {
		raw := body[h.Span.Start:h.Span.End]
		switch {
		case h.Path >= g.refer:
			r.refer(g.watched[h.Path], h, raw)
		case h.Path >= FirstOwn:
			take(&r, h.Path-FirstOwn, h.Kind, raw)
		default:
			if err := r.take(h, raw); err != nil {
				return Request{}, err
			}
		}
	}
	return r, nil
}

func tooManyReferences() error {
	return invalid("input", "the request refers to more than "+strconv.Itoa(jsonscan.MaxHits)+" files and other objects")
}
