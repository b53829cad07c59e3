package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
)

// storedLimit bounds how many responses previous_response_id may name.
const storedLimit = 10_000

// stored remembers the ids of responses and how much text came with them. It
// does not keep the text: a continued answer echoes its own input alone.
type stored struct {
	mu    sync.Mutex
	sizes map[string]int // bytes of the conversation up to and with the response
	order []string       // ring of the ids in sizes
	next  int
}

func (s *stored) add(id string, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sizes == nil {
		s.sizes = make(map[string]int)
	}
	if len(s.order) < storedLimit {
		s.order = append(s.order, id)
	} else {
		delete(s.sizes, s.order[s.next])
		s.order[s.next] = id
		s.next = (s.next + 1) % storedLimit
	}
	s.sizes[id] = size
}

func (s *stored) find(id string) (size int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size, ok = s.sizes[id]
	return size, ok
}

// sealPrefix begins everything that a simulator has sealed.
const sealPrefix = "sim1."

// seal returns text in the form in which reasoning is opaque to clients. It is
// bound to the simulator's name, as a provider's is to an account, and no
// secret.
func (s *Simulator) seal(text string) string {
	encoded := base64.RawURLEncoding.EncodeToString([]byte(text))
	return sealPrefix + encoded + "." + s.mac(encoded)
}

// opens reports whether s sealed what sealed holds.
func (s *Simulator) opens(sealed string) bool {
	rest, ok := strings.CutPrefix(sealed, sealPrefix)
	encoded, mac, found := strings.Cut(rest, ".")
	return ok && found && mac == s.mac(encoded)
}

func (s *Simulator) mac(text string) string {
	h := hmac.New(sha256.New, []byte(s.name))
	_, _ = h.Write([]byte(text)) // never fails
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}
