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
	images  int      // and from which on they are images
	refer   int      // and references
}

// NewReading returns a reading that looks at these members, too, at those that
// only images have, and at those that refer to something that an upstream
// keeps. They are paths of package jsonscan. An image's that ends in "type" is
// one where the type is "image".
func NewReading(members, images []string, references ...string) *Reading {
	return newReading(watchedMembers[:atOptions:atOptions], SealPrefix, members, images, references)
}

// NewChoiceReading is [NewReading] for a protocol whose answers are made of
// choices. It has no members of its own beside.
func NewChoiceReading(images []string, references ...string) *Reading {
	return newReading(watchedMembers, "", nil, images, references)
}

func newReading(common []string, mark string, members, images, references []string) *Reading {
	g := &Reading{
		watched: slices.Concat(common, members, images, references),
		own:     len(common), images: len(common) + len(members), refer: len(common) + len(members) + len(images),
	}
	spec := jsonscan.Spec{Watch: g.watched, Mark: mark}
	for _, path := range images {
		if list, _, _ := strings.Cut(path, "."); strings.HasSuffix(path, ".type") {
			spec.Sift = map[string]jsonscan.Sieve{list: g.siftImages}
		}
	}
	g.paths = jsonscan.Compile(spec)
	return g
}

// siftImages leaves out the types of all that is no image.
func (g *Reading) siftImages(body []byte, hits []jsonscan.Hit) int {
	kept := 0
	for _, h := range hits {
		typed := g.images <= h.Path && h.Path < g.refer && strings.HasSuffix(g.watched[h.Path], ".type")
		if !typed || isImage(body[h.Span.Start:h.Span.End]) {
			hits[kept] = h
			kept++
		}
	}
	return kept
}

// isImage reports whether a JSON value is the text "image".
func isImage(raw []byte) bool {
	s, err := jsonscan.Unquote(raw)
	return err == nil && s == "image"
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
		case h.Path >= g.images:
			r.Images = r.Images || h.Kind != jsonscan.Null
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
