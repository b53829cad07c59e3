package dialect

import (
	"slices"
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// A Reading reads requests of a protocol that has members of its own beside
// "model" and "stream". It is immutable.
type Reading struct {
	paths   *jsonscan.Paths
	watched []string // what paths watch
	own     int      // the place in watched of the first of the protocol's own
	refer   int      // and from which on they are references
}

// NewReading returns a reading that looks at these members, too, and at those
// that refer to something that an upstream keeps. They are paths of package
// jsonscan.
func NewReading(members []string, references ...string) *Reading {
	watched := Members(slices.Concat(members, references)...)
	return &Reading{jsonscan.Compile(jsonscan.Spec{Watch: watched, Mark: SealPrefix}), watched, FirstOwn, FirstOwn + len(members)}
}

// NewChoiceReading returns a reading of a protocol whose answers are made of
// choices. It looks at members that refer to something that an upstream keeps.
func NewChoiceReading(references ...string) *Reading {
	watched := slices.Concat(watchedMembers, references)
	return &Reading{jsonscan.Compile(jsonscan.Spec{Watch: watched}), watched, len(watchedMembers), len(watchedMembers)}
}

// Read reads a request body as [ReadRequest] does. It notes references, and
// gives each of the other members that are there to take, by its place among
// them, with its raw value. Take may be nil if there are none.
func (g *Reading) Read(body []byte, take func(r *Request, member int, kind jsonscan.ValueKind, raw []byte)) (Request, error) {
	var buf [atChoices + 1]jsonscan.Hit
	found, err := g.paths.Scan(body, buf[:0])
	if err != nil {
		return Request{}, syntaxError(err)
	}
	if found.More {
		field, _, _ := strings.Cut(g.watched[len(g.watched)-1], "[")
		return Request{}, tooManyReferences(field)
	}
	r := Request{Choices: 1, Marked: found.Marked, Counts: found.Counts, Object: found.Object}
	for _, h := range found.Hits {
		raw := body[h.Span.Start:h.Span.End]
		switch {
		case h.Path >= g.refer:
			r.refer(g.watched[h.Path], h, raw)
		case h.Path >= g.own:
			take(&r, h.Path-g.own, h.Kind, raw)
		default:
			if err := r.take(h, raw); err != nil {
				return Request{}, err
			}
		}
	}
	return r, nil
}

// ReadChoices reads a request body as [ReadChoiceRequest] does, and notes
// references.
func (g *Reading) ReadChoices(body []byte) (Request, error) {
	r, err := g.Read(body, nil)
	if err != nil {
		return r, err
	}
	return r.checkOptions()
}

func tooManyReferences(field string) error {
	return invalid(field, "the request refers to more than "+strconv.Itoa(jsonscan.MaxHits)+" files and other objects")
}
