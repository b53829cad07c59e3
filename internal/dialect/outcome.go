package dialect

import (
	"math/bits"

	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// What is kept of an upstream's words, in bytes.
const (
	maxKeptID      = 256
	maxKeptCode    = 64
	maxKeptMessage = 512
)

// maxMade is how many ids one event or body may have.
const maxMade = 2 * jsonscan.MaxListed

// maxChoices is how many choices of one stream are told apart. OpenAI's n goes
// up to 128.
const maxChoices = 128

// An Outcome is what is known of an answer so far. The Read function of a
// [Schema] writes it.
type Outcome struct {
	// Usage is the last usage that was reported, by way of Report. Its
	// Provenance is UsageNone if the answer says that nothing is used, and
	// means nothing otherwise.
	Usage llm.Usage

	// Final is true if the usage cannot change any more, though the stream has
	// not ended.
	Final bool

	// Complete is true if an event said that it is the last.
	Complete bool

	// Failed, Code and Message are set by Fail.
	Failed        bool
	Code, Message string

	// Unfinished is true if a whole answer says that the model goes on with it
	// in the background.
	Unfinished bool

	ID, Model string
	Created   int64 // seconds of Unix time
	Sequence  int64 // -1 before the first

	// Drop is true if the present event exists only for the usage it carries.
	Drop bool

	made    []string // see Make
	collect bool

	seen, finished choiceSet
	pieces         int // answers that are complete in themselves
	expected       int // choices that were asked for; 0 if that is not known
}

// Report notes a usage that replaces the one before it. One that is all zeroes
// says nothing: some servers put it on every event but the last.
func (o *Outcome) Report(u llm.Usage) {
	if u.Input != 0 || u.Output != 0 || u.Audio != 0 {
		o.Usage = u
	}
}

// ReportTokens is Report for nothing but tokens.
func (o *Outcome) ReportTokens(input, output, total int64) {
	o.Report(llm.Usage{Input: input, Output: max(output, total-input)})
}

// Fail notes that the upstream told of a failure. The first one counts.
func (o *Outcome) Fail(code, message string) {
	if o.Failed {
		return
	}
	o.Failed = true
	o.Code, o.Message = printable(code, maxKeptCode), printable(message, maxKeptMessage)
}

// Identify notes the id and the model of the answer, at these paths. The first
// that is not empty counts.
func (o *Outcome) Identify(v Values, id, model int) {
	if o.ID == "" {
		o.ID = clip(v.Text(id), maxKeptID)
	}
	if o.Model == "" {
		o.Model = clip(v.Text(model), maxKeptID)
	}
}

// Collects reports whether anybody wants to know what is given to Make.
func (o *Outcome) Collects() bool { return o.collect }

// Make notes the id of something in the answer that a later request may refer
// to, beside the answer itself.
func (o *Outcome) Make(id string) {
	if o.collect && id != "" && len(id) <= maxKeptID && len(o.made) < maxMade {
		o.made = append(o.made, id)
	}
}

// Choice notes that the choice of this index exists, and whether it has come
// to its end.
func (o *Outcome) Choice(index int64, finished bool) {
	o.seen.add(index)
	if finished {
		o.finished.add(index)
	}
}

// Piece notes that one of the answers that were asked for is there, complete
// in itself: a picture. The last of them ends the stream; an upstream may make
// fewer than it was asked for.
func (o *Outcome) Piece() {
	o.pieces++
	o.Complete = o.Complete || o.pieces >= max(o.expected, 1)
}

// Pieces returns how many of them there are.
func (o *Outcome) Pieces() int { return o.pieces }

func (o *Outcome) complete() bool {
	return o.Complete || o.pieces > 0 || o.seen.len() >= max(o.expected, 1) && o.seen.within(&o.finished)
}

func (o *Outcome) usage() llm.Usage {
	u := o.Usage
	told := u.Input != 0 || u.Output != 0 || u.Audio != 0
	switch {
	case !told && u.Images == 0:
		if u.Provenance != llm.UsageNone {
			return llm.Usage{}
		}
	case !told && o.complete():
		u.Provenance = llm.UsageCounted
	case o.Final || o.complete():
		u.Provenance = llm.UsageReported
	default:
		u.Provenance = llm.UsageEstimated
	}
	u.CachedInput = min(u.CachedInput, u.Input)
	u.CacheWrite = min(u.CacheWrite, u.Input-u.CachedInput)
	u.Reasoning = min(u.Reasoning, u.Output)
	return u
}

// A choiceSet is a bounded set of choice indices.
type choiceSet struct {
	bits [maxChoices / 64]uint64
	more bool // an index beyond the bounds was added
}

func (s *choiceSet) add(index int64) {
	if index < 0 || index >= maxChoices {
		s.more = true
		return
	}
	s.bits[index/64] |= 1 << (index % 64)
}

// within reports whether all of s is in other. Of indices beyond the bounds
// nothing is known.
func (s *choiceSet) within(other *choiceSet) bool {
	for i, b := range s.bits {
		if b&^other.bits[i] != 0 {
			return false
		}
	}
	return !s.more
}

// len returns how many indices within the bounds are in s.
func (s *choiceSet) len() (n int) {
	for _, b := range s.bits {
		n += bits.OnesCount64(b)
	}
	return n
}
