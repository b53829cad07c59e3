package upstream

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strconv"
)

// An Account stands for who a provider takes Weir for: it is the same as long
// as the endpoint and the credential are. It is good for comparing.
type Account [16]byte

// Account returns the upstream's. With AuthPassthrough each caller's credential
// is another account of the provider's, which this does not tell apart.
func (u *Upstream) Account() Account { return u.account }

func (s Settings) account() Account {
	h := sha256.New()
	add := func(texts ...string) {
		for _, t := range texts {
			_, _ = h.Write([]byte(strconv.Quote(t))) // never fails
		}
	}
	add(string(s.Kind), s.Endpoint, string(s.Auth.mode()), s.Auth.Secret)
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		add(name, s.Headers[name])
	}
	return Account(h.Sum(nil))
}

// String tells nothing: of a weak credential the account could be guessed.
func (Account) String() string { return redacted }
