package config

import (
	"path/filepath"

	"github.com/weir-gateway/weir/internal/secret"
)

// The variables of the root secret.
const (
	varSecret     = "WEIR_SECRET_KEY"
	varSecretFile = "WEIR_SECRET_KEY_FILE"
)

// makeSecret is how a root secret is made.
const makeSecret = "set it to 32 random bytes in base64 (openssl rand -base64 32), or to several with commas between them, of which the first seals"

// rootSecret reads the root secret, if the environment has one. It is no part
// of the document, which may be shown around.
func (d *decoder) rootSecret(c *Config, o Options) {
	env := environment{o: o}
	text, file := env.get(varSecret), env.get(varSecretFile)
	from, remedy := varSecret, makeSecret+", or unset it"
	fault := func(msg string) {
		d.faults = append(d.faults, Fault{Pos: Pos{File: from}, Msg: msg, Remedy: remedy})
	}
	switch {
	case text == "" && file == "":
		return
	case text != "" && file != "":
		remedy = "set one of the two"
		fault("the root secret is in " + varSecretFile + " too")
		return
	case file != "":
		from = varSecretFile
		remedy = "name a file that Weir may read, or unset it"
		b, err := readAll(o.Open, file, maxValue)
		if err != nil {
			fault("the file cannot be read: " + err.Error())
			return
		}
		text, remedy = string(b), "the file must hold 32 random bytes in base64 (openssl rand -base64 32), or several with commas or lines between them, of which the first seals"
	}
	if _, err := secret.Parse(text); err != nil {
		fault("is no root secret: " + err.Error())
		return
	}
	c.RootSecret, c.RootSecretFrom = NewSecret(text), from
}

// RootSecretFile is where the root secret is that Weir makes itself, where the
// environment has none. It need not be there.
func (c *Config) RootSecretFile() string { return filepath.Join(c.DataDir, "secret.key") }

// SealsWith says in a few words where the root secret is.
func (c *Config) SealsWith() string {
	if c.RootSecretFrom != "" {
		return "the root secret of " + c.RootSecretFrom
	}
	return "the root secret in " + c.RootSecretFile() + ", which is made if it is not there"
}
