package jsonscan

// numberState is how much of a number (RFC 8259 section 6) has been read.
type numberState byte

const (
	afterMinus   numberState = iota // a digit must follow
	afterZero                       // no digit may follow
	inInteger                       //
	afterPoint                      // a digit must follow
	inFraction                      //
	afterE                          // a sign or a digit must follow
	afterExpSign                    // a digit must follow
	inExponent                      //
)

// whole tells whether the number may end here.
func (s numberState) whole() bool {
	return s == afterZero || s == inInteger || s == inFraction || s == inExponent
}

// number reads a number from its first byte.
func (m *machine) number(p []byte, i int, n *node) int {
	m.token.rec = m.begin(n, Number, i)
	m.state = inNumber
	switch p[i] {
	case '-':
		m.token.number = afterMinus
	case '0':
		m.token.number = afterZero
	default:
		m.token.number = inInteger
	}
	return m.numberRest(p, i+1)
}

// numberRest reads on in a number.
func (m *machine) numberRest(p []byte, i int) int {
	s := m.token.number
	if s == inInteger { // most numbers are no more than this
		for i < len(p) && '0' <= p[i] && p[i] <= '9' {
			i++
		}
	}
	for ; i < len(p); i++ {
		next, ok := s.next(p[i])
		if !ok {
			if !s.whole() {
				return m.fail(p, i, "malformed number")
			}
			m.endNumber(p, i)
			return i
		}
		s = next
	}
	m.token.number = s
	return i
}

// endNumber closes the number that ends before index i.
func (m *machine) endNumber(p []byte, i int) {
	m.end(m.token.rec, p, i)
	m.leave()
}

// next returns the state after c, or false if c cannot be part of the number.
func (s numberState) next(c byte) (numberState, bool) {
	if '0' <= c && c <= '9' {
		switch s {
		case afterMinus:
			if c == '0' {
				return afterZero, true
			}
			return inInteger, true
		case afterZero:
			return s, false
		case afterPoint:
			return inFraction, true
		case afterE, afterExpSign:
			return inExponent, true
		default:
			return s, true
		}
	}
	switch {
	case c == '.' && (s == afterZero || s == inInteger):
		return afterPoint, true
	case (c == 'e' || c == 'E') && (s == afterZero || s == inInteger || s == inFraction):
		return afterE, true
	case (c == '+' || c == '-') && s == afterE:
		return afterExpSign, true
	}
	return s, false
}

// literal reads true, false or null from its first byte.
func (m *machine) literal(p []byte, i int, n *node, word string, kind ValueKind) int {
	if len(p)-i >= len(word) && string(p[i:i+len(word)]) == word {
		m.end(m.begin(n, kind, i), p, i+len(word))
		m.leave()
		return i + len(word)
	}
	m.token.rec = m.begin(n, kind, i)
	m.token.word, m.token.wordAt = word, 1
	m.state = inLiteral
	return m.literalRest(p, i+1)
}

// literalRest reads on in a literal.
func (m *machine) literalRest(p []byte, i int) int {
	t := &m.token
	for ; t.wordAt < len(t.word); i++ {
		if i == len(p) {
			return i
		}
		if p[i] != t.word[t.wordAt] {
			return m.fail(p, i, "malformed literal")
		}
		t.wordAt++
	}
	m.end(t.rec, p, i)
	m.leave()
	return i
}
