package config_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/config"
)

func TestRootSecret(t *testing.T) {
	one := base64.StdEncoding.EncodeToString([]byte("the first secret of thirty-two b"))
	two := base64.StdEncoding.EncodeToString([]byte("another secret of thirty-two byt"))
	dir := t.TempDir()
	file := writeFile(t, filepath.Join(dir, "key"), one+"\n"+two+"\n")
	bad := writeFile(t, filepath.Join(dir, "bad"), "what-should-stay-hidden")
	for _, tt := range []struct {
		name string
		env  []string
		want string // the text
		says string // of where it is, or in the fault
	}{
		{"none", nil, "", filepath.Join("/srv/data", "secret.key") + ", which is made if it is not there"},
		{"empty", []string{"WEIR_SECRET_KEY", "", "WEIR_SECRET_KEY_FILE", ""}, "", "secret.key"},
		{"one", []string{"WEIR_SECRET_KEY", one}, one, "the root secret of WEIR_SECRET_KEY"},
		{"two", []string{"WEIR_SECRET_KEY", two + "," + one}, two + "," + one, "the root secret of WEIR_SECRET_KEY"},
		{"a file", []string{"WEIR_SECRET_KEY_FILE", file}, one + "\n" + two + "\n", "the root secret of WEIR_SECRET_KEY_FILE"},

		{"both", []string{"WEIR_SECRET_KEY", one, "WEIR_SECRET_KEY_FILE", file}, "", "WEIR_SECRET_KEY: the root secret is in WEIR_SECRET_KEY_FILE too\n\tset one of the two"},
		{"no secret", []string{"WEIR_SECRET_KEY", "what-should-stay-hidden"}, "", "WEIR_SECRET_KEY: is no root secret: secret 1 of 1 is"},
		{"a remedy", []string{"WEIR_SECRET_KEY", "CHANGEME"}, "", "openssl rand -base64 32"},
		{"no secret in the file", []string{"WEIR_SECRET_KEY_FILE", bad}, "", "WEIR_SECRET_KEY_FILE: is no root secret"},
		{"no file", []string{"WEIR_SECRET_KEY_FILE", filepath.Join(dir, "nowhere")}, "", "WEIR_SECRET_KEY_FILE: the file cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Parse([]byte(named("m")), config.Options{DataDir: "/srv/data", LookupEnv: environment(tt.env...)})
			var faults config.Faults
			switch {
			case errors.As(err, &faults):
				if len(faults) != 1 || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "stay-hidden") {
					t.Errorf("faults %v, want one with %q", err, tt.says)
				}
			case err != nil:
				t.Fatal(err)
			case c.RootSecret.Reveal() != tt.want || !strings.Contains(c.SealsWith(), tt.says):
				t.Errorf("root secret %q, %q; want %q, %q", c.RootSecret.Reveal(), c.SealsWith(), tt.want, tt.says)
			case strings.Contains(fmt.Sprintf("%v %+v %#v", c, *c, c), one):
				t.Error("the configuration prints it")
			}
		})
	}
	c, err := config.Load(config.Options{BuiltIn: true, DataDir: "/srv/data", LookupEnv: environment("WEIR_SECRET_KEY", "nonsense")})
	if err != nil || !c.RootSecret.IsZero() {
		t.Errorf("the built-in configuration reads the environment: %v", err)
	}
}
