package config

import (
	"bytes"
	"crypto/rand"
	_ "embed" // for the template
	"encoding/hex"
)

//go:embed template.yaml
var templateYAML []byte

// Template returns a commented configuration to begin with. It serves the
// built-in simulator, to whoever has the new key that stands in it.
func Template() []byte {
	var key [24]byte
	_, _ = rand.Read(key[:]) // never fails: crypto/rand
	return bytes.Replace(templateYAML, []byte("${KEY}"), []byte("weir-"+hex.EncodeToString(key[:])), 1)
}
