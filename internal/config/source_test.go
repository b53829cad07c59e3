package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// A place is a folder with a configuration and what it names.
type place struct {
	t   *testing.T
	dir string
	env map[string]string
}

func newPlace(t *testing.T) place {
	t.Helper()
	return place{t, t.TempDir(), map[string]string{"HOME": "/srv/me"}}
}

func (p place) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p place) options() Options {
	return Options{Path: filepath.Join(p.dir, "weir.yaml"), LookupEnv: func(name string) (string, bool) { v, ok := p.env[name]; return v, ok }}
}

func (p place) load(s *Source) *Config {
	p.t.Helper()
	c, err := s.Load()
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

const plain = "upstreams: [{ name: sim, kind: simulator }]\nmodels: [{ name: m, targets: [{ upstream: sim }] }]\n"

// TestSourceChanged: each file that a load has touched counts, by what it holds.
func TestSourceChanged(t *testing.T) {
	p := newPlace(t)
	key := filepath.Join(p.dir, "key")
	p.write("weir.yaml", plain+"keys: [{ name: a, secret: 'file:"+key+"' }, { name: b, secret: '${FROM_ENV_FILE}' }]\n")
	p.write("key", "0123456789abcdef")
	p.write("env", "FROM_ENV_FILE=fedcba9876543210")
	o := p.options()
	o.EnvFiles = []string{filepath.Join(p.dir, "env")}
	s := NewSource(o)
	p.load(s)
	if want := []string{filepath.Join(p.dir, "env"), key, o.Path}; !slices.Equal(s.Files(), want) {
		t.Errorf("Files() = %q, want %q", s.Files(), want)
	}
	for _, tt := range []struct{ name, text string }{
		{"key", "another-0123456789"}, {"env", "FROM_ENV_FILE=another-9876543210"}, {"weir.yaml", plain},
	} {
		if s.Changed() {
			t.Fatalf("before %s was written: changed", tt.name)
		}
		p.write(tt.name, tt.text)
		if !s.Changed() {
			t.Errorf("%s was written: not changed", tt.name)
		}
		p.load(s)
	}
	p.write("weir.yaml", plain) // the same
	if s.Changed() {
		t.Error("a file that was written as it was has changed")
	}
}

// TestSourceRetry: what a load that failed wanted to read counts too.
func TestSourceRetry(t *testing.T) {
	p := newPlace(t)
	p.write("weir.yaml", plain)
	s := NewSource(p.options())
	p.load(s)
	p.write("weir.yaml", plain+"keys: [{ name: a, secret: 'file:"+p.dir+"/key' }]\n")
	if _, err := s.Load(); err == nil || s.Changed() {
		t.Fatalf("a reference to nothing: %v, changed: %t", err, s.Changed())
	}
	p.write("key", "0123456789abcdef")
	if !s.Changed() {
		t.Fatal("the file has come, and nothing has changed")
	}
	if c := p.load(s); c.Keys[0].Secret.Reveal() != "0123456789abcdef" {
		t.Error("the key is not what the file holds")
	}
}

// TestSourceStays: a file that has gone does not open the door to what would
// serve without one, nor does one that has come take the variables' place.
func TestSourceStays(t *testing.T) {
	p := newPlace(t)
	p.write("weir.yaml", plain)
	t.Chdir(p.dir)
	o := p.options()
	o.Path = ""
	s := NewSource(o)
	p.load(s)
	if err := os.Remove("weir.yaml"); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Load(); err == nil {
		t.Fatalf("the file has gone, and %s serves", c.Source)
	} else if !strings.Contains(err.Error(), "\n\tput the file back") {
		t.Errorf("the file has gone: %v, want a remedy", err)
	}

	s = NewSource(o) // without a file
	if c := p.load(s); c.Source != BuiltIn {
		t.Fatalf("source = %s", c.Source)
	}
	p.write("weir.yaml", plain)
	if c := p.load(s); c.Source != BuiltIn || s.Changed() || len(s.Files()) != 0 {
		t.Errorf("a file has come: source %s, files %q", c.Source, s.Files())
	}
}

// TestSourceFirstFails: a source that has never been loaded is not bound to
// anything.
func TestSourceFirstFails(t *testing.T) {
	p := newPlace(t)
	p.write("weir.yaml", "nonsense: 1")
	s := NewSource(p.options())
	if _, err := s.Load(); err == nil {
		t.Fatal("nonsense was loaded")
	}
	p.write("weir.yaml", plain+"listen: { address: ':1' }\n")
	if c := p.load(s); c.Listen.Address != ":1" || len(c.Waiting) != 0 {
		t.Errorf("address = %s, waiting %v", c.Listen.Address, c.Waiting)
	}
}

const (
	azure   = "upstreams: [{ name: az, kind: azure, endpoint: 'https://r.openai.azure.com', auth: { api_key: k } }, { name: pass, kind: azure, endpoint: 'https://r.openai.azure.com', auth: passthrough }]\nmodels: [{ name: m, targets: [{ upstream: az }] }]\n"
	withKey = azure + "keys: [{ name: a, secret: 0123456789abcdef }]\n"
)

// TestSourceWaiting: what cannot change stays, is named, and is weighed with the
// rest.
func TestSourceWaiting(t *testing.T) {
	all := "listen: { address: 0.0.0.0:1 }\n"
	tests := []struct {
		name, first, then string
		waiting           string // paths
		fault             string // at this path
		check             func(c *Config) bool
	}{
		{name: "nothing", first: withKey, then: withKey + "log: { level: warn }\n", check: func(c *Config) bool { return c.Log.Level == "warn" }},
		{name: "address", first: withKey + all, then: withKey + "listen: { address: 0.0.0.0:2, hosts: [a] }\n", waiting: "listen.address", check: func(c *Config) bool {
			return c.Listen.Address == "0.0.0.0:1" && len(c.Listen.Hosts) == 1
		}},
		{name: "times and log", first: withKey, then: withKey + "listen: { timeouts: { body: 1s } }\nlog: { format: text }\ndata_dir: /d\n", waiting: "listen.timeouts data_dir log.format", check: func(c *Config) bool {
			return c.Log.Format == "json" && c.Listen.Timeouts.Body == 30*time.Second && c.DataDir == "/srv/me/.local/state/weir" && !c.DataDirNamed
		}},
		// The key goes, and the address that demanded it: that stays.
		{name: "keys and address", first: withKey + all, then: azure, waiting: "", fault: "listen.address"},
		{name: "a door opens", first: withKey, then: withKey + "transparent: { upstream: pass, address: '127.0.0.1:9' }\n", waiting: "transparent.address", check: func(c *Config) bool {
			return c.Transparent == Transparent{}
		}},
		{name: "a door closes", first: withKey + "transparent: { upstream: pass, address: '127.0.0.1:9' }\n", then: withKey, waiting: "transparent.address", check: func(c *Config) bool {
			return c.Transparent == Transparent{}
		}},
		{name: "a door moves", first: withKey + "transparent: { upstream: pass, address: '127.0.0.1:9' }\n", then: withKey + "transparent: { upstream: pass, address: '127.0.0.1:8', prefix: /x }\n", waiting: "transparent.address", check: func(c *Config) bool {
			return c.Transparent.Address == "127.0.0.1:9" && c.Transparent.Prefix == "/x"
		}},
		{name: "a door moves in", first: withKey + "transparent: { upstream: pass, address: '127.0.0.1:9' }\n", then: withKey + "transparent: { upstream: pass, prefix: /x }\n", waiting: "transparent.address", check: func(c *Config) bool {
			return c.Transparent.Address == "" && c.Transparent.Prefix == "/x"
		}},
		{name: "what is kept", first: withKey, then: withKey + "store: none\nresponses: { ttl: 1h }\n", waiting: "store responses", check: func(c *Config) bool {
			return c.Store == StoreSQLite && c.Responses.TTL == 720*time.Hour
		}},
		{name: "wrong by itself", first: withKey, then: withKey + "listen: { address: nonsense }\n", fault: "listen.address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			p.write("weir.yaml", tt.first)
			s := NewSource(p.options())
			p.load(s)
			p.write("weir.yaml", tt.then)
			c, err := s.Load()
			if tt.fault != "" {
				faults, _ := err.(Faults) //nolint:errorlint // as documented
				if len(faults) != 1 || faults[0].Path != tt.fault {
					t.Fatalf("Load() = %v, want one fault at %s", err, tt.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var waiting []string
			for _, w := range c.Waiting {
				waiting = append(waiting, w.Path)
			}
			if got := strings.Join(waiting, " "); got != tt.waiting || tt.check != nil && !tt.check(c) {
				t.Errorf("waiting for a restart: %q, want %q; configuration %+v", got, tt.waiting, c)
			}
			p.write("weir.yaml", tt.first)
			if c := p.load(s); len(c.Waiting) != 0 {
				t.Errorf("taken back, and %v waits", c.Waiting)
			}
		})
	}
}

// TestIdentity: every field of an upstream counts, the secrets too.
func TestIdentity(t *testing.T) {
	base := func() *Upstream {
		return &Upstream{Name: "u", Headers: map[string]Secret{"a": NewSecret("b"), "c": NewSecret("d")}, PassthroughPaths: []string{"/a", "/b"}}
	}
	same := Identity(*base())
	for range 20 { // a map has no order
		if Identity(*base()) != same {
			t.Fatal("the same upstream has two identities")
		}
	}
	var change func(v reflect.Value, name string, all *Upstream)
	change = func(v reflect.Value, name string, all *Upstream) {
		before := reflect.New(v.Type()).Elem()
		before.Set(v)
		switch x := v.Addr().Interface().(type) {
		case *Secret:
			*x = NewSecret("another secret")
		case *map[string]Secret:
			*x = map[string]Secret{"a": NewSecret("b"), "c": NewSecret("another")}
		case *map[string]string:
			*x = map[string]string{"responses": "/another"}
		case *[]string:
			*x = []string{"/a/b"}
		case *[]int:
			*x = []int{418}
		default:
			switch v.Kind() {
			case reflect.Struct:
				for i := range v.NumField() {
					change(v.Field(i), name+"."+v.Type().Field(i).Name, all)
				}
				return
			case reflect.String:
				v.SetString("another")
			case reflect.Int64, reflect.Int:
				v.SetInt(7)
			case reflect.Float64:
				v.SetFloat(7)
			case reflect.Bool:
				v.SetBool(true)
			case reflect.Slice:
				v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			default:
				t.Fatalf("%s: how to change a %s?", name, v.Type())
			}
		}
		if Identity(*all) == same {
			t.Errorf("%s has changed, the identity has not", name)
		}
		v.Set(before)
	}
	u := base()
	change(reflect.ValueOf(u).Elem(), "Upstream", u)
	if Identity("ab", "c") == Identity("a", "bc") || Identity([]string{"a"}, "b") == Identity([]string{"a", "b"}) {
		t.Error("different values have one identity")
	}
}
