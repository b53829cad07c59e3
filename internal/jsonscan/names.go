package jsonscan

import (
	"bytes"
	"fmt"
	"hash/maphash"

	"github.com/go-json-experiment/json/jsontext"
)

// named takes the decoded name of a member of an object on a watched path. It
// returns false if a rule for requests forbids the name.
func (m *machine) named(name []byte) bool {
	depth := m.depth - 1
	n := m.frames[depth].node
	m.member = n.find(name)
	if !m.strict || len(n.members) == 0 && n.others == nil && depth > 0 {
		return true
	}
	if m.member == n.others {
		if like := n.lookalike(name); like != "" {
			m.failAt(m.token.start, fmt.Sprintf("member %s where only %q is understood", quoteName(name), like))
			return false
		}
	}
	if !m.seen[depth].add(m.body, name, int(m.token.start), m.paths.seed) {
		m.failAt(m.token.start, "duplicate member "+quoteName(name))
		return false
	}
	return true
}

// lookalike returns the member that a reader which ignores case, such as Go's
// encoding/json, would take name for. Simple folding makes two letters outside
// of ASCII equal to one inside: U+017F to s and U+212A to k, so that a name of
// other length can be meant too.
func (n *node) lookalike(name []byte) string {
	for i := range n.members {
		want := n.members[i].name
		if len(name) < len(want) || len(name) > 3*len(want) {
			continue
		}
		if len(name) == len(want) && (name[0]^want[0])&^0x20 != 0 {
			continue // ASCII for ASCII, and another letter
		}
		if bytes.EqualFold(name, []byte(want)) {
			return want
		}
	}
	return ""
}

// nameSet is the names of one object. Few names are compared one by one; more
// go into a hash table, so that a million of them cost a million steps. Names
// stay in the body: the set holds where they begin.
type nameSet struct {
	names []seenName // in order while there is no table
	table []seenName // open addressing, a power of two long; nil for few names
	used  int        // entries of table
}

// seenName is a name by its hash and the offset of its opening quote. The zero
// offset is a free place in a table: the body begins with a brace.
type seenName struct {
	hash   uint32
	offset uint32
}

// fewNames is how many names are compared one by one.
const fewNames = 32

func (s *nameSet) reset() {
	s.names, s.table, s.used = s.names[:0], nil, 0
}

// add returns false if the set has the name already. The hash is seeded, so
// that nobody can choose names that collide.
func (s *nameSet) add(body, name []byte, offset int, seed maphash.Seed) bool {
	entry := seenName{hash: uint32(maphash.Bytes(seed, name)), offset: uint32(offset)}
	if s.table == nil {
		for _, old := range s.names {
			if old.hash == entry.hash && old.is(body, name) {
				return false
			}
		}
		if len(s.names) < fewNames {
			s.names = append(s.names, entry)
			return true
		}
		s.grow(s.names)
	}
	place := s.place(entry.hash, func(old seenName) bool { return old.is(body, name) })
	if s.table[place].offset != 0 {
		return false
	}
	s.table[place] = entry
	if s.used++; s.used > len(s.table)/2 {
		s.grow(s.table)
	}
	return true
}

// place returns where in the table a name with this hash is or belongs.
func (s *nameSet) place(hash uint32, same func(seenName) bool) int {
	mask := uint32(len(s.table) - 1)
	i := hash & mask
	for s.table[i].offset != 0 && (s.table[i].hash != hash || !same(s.table[i])) {
		i = (i + 1) & mask
	}
	return int(i)
}

// grow moves the entries, which are all different, to a table twice as long.
func (s *nameSet) grow(entries []seenName) {
	s.table = make([]seenName, max(4*fewNames, 2*len(s.table)))
	s.used = 0
	for _, e := range entries {
		if e.offset != 0 {
			s.table[s.place(e.hash, func(seenName) bool { return false })] = e
			s.used++
		}
	}
}

// is compares the name that begins at s.offset of the body.
func (s seenName) is(body, name []byte) bool {
	raw := body[s.offset+1:]
	n := plain(raw)
	if raw[n] == '"' {
		return bytes.Equal(raw[:n], name)
	}
	for raw[n] != '"' { // an escape: look for the closing quote
		if raw[n] == '\\' {
			n++
		}
		n++
		n += plain(raw[n:])
	}
	decoded, err := jsontext.AppendUnquote(nil, body[s.offset:int(s.offset)+n+2])
	return err == nil && bytes.Equal(decoded, name)
}
