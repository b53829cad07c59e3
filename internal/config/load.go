package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
)

// Options say where a configuration comes from. The zero Options are those of
// a program started without flags.
type Options struct {
	// Path is the file named by --config; "" looks further.
	Path string

	// Listen, if not "", replaces listen.address (--listen).
	Listen string

	// BuiltIn takes the built-in configuration, whatever files and variables
	// there are (--simulator).
	BuiltIn bool

	// LookupEnv reads the environment; nil means [os.LookupEnv].
	LookupEnv func(name string) (value string, set bool)

	// Open opens the configuration and every file that it names; nil means
	// [os.Open].
	Open func(name string) (io.ReadCloser, error)
}

func (o Options) withDefaults() Options {
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	if o.BuiltIn {
		o.LookupEnv = func(string) (string, bool) { return "", false }
	}
	if o.Open == nil {
		o.Open = func(name string) (io.ReadCloser, error) { return os.Open(name) }
	}
	return o
}

// defaultFile is read if it is there and no other is named.
const defaultFile = "weir.yaml"

// builtIn is the configuration without a file.
const builtIn = `upstreams:
  - { name: simulator, kind: simulator }
models:
  - name: sim-1
    targets: [{ upstream: simulator }]
  - name: sim-*
    targets: [{ upstream: simulator }]
`

// Load reads the configuration: the file named by Options.Path, $WEIR_CONFIG
// or $CONFIG_PATH, else ./weir.yaml, else the built-in one ([BuiltIn]). A file
// that is named and cannot be read is an error.
//
// Everything that is wrong inside it is returned as one [Faults]. The Config
// is nil if there is an error.
func Load(o Options) (*Config, error) {
	o = o.withDefaults()
	name, named := o.find()
	if name == "" {
		o.Path = ""
		return Parse([]byte(builtIn), o)
	}
	data, err := readAll(o.Open, name, maxSource)
	switch {
	case errors.Is(err, fs.ErrNotExist) && named == "":
		return o.builtIn()
	case errors.Is(err, errTooLarge):
		return nil, Faults{{Pos: Pos{File: name}, Msg: "the file is larger than " + formatSize(maxSource), Remedy: "a configuration is a few pages; check the file's name"}}
	case err != nil && named != "":
		return nil, fmt.Errorf("reading the configuration named by %s: %w", named, err)
	case err != nil:
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	o.Path = name
	return Parse(data, o)
}

// builtIn returns the configuration without a file. A file that was almost
// named right is a warning: its owner believes that it is used.
func (o Options) builtIn() (*Config, error) {
	c, err := Parse([]byte(builtIn), o)
	if err != nil {
		return nil, err
	}
	for _, almost := range []string{"weir.yml", "weir.json"} {
		f, err := o.Open(almost)
		if err != nil {
			continue
		}
		_ = f.Close() // nothing was read
		c.Warnings = append(c.Warnings, Fault{Pos: Pos{File: almost}, Msg: "is not read, the built-in simulator serves", Remedy: "rename it to " + defaultFile + ", or name it with --config"})
	}
	return c, nil
}

// find returns the file to read and what names it; named is "" for the
// default file, name is "" for none at all.
func (o Options) find() (name, named string) {
	if o.BuiltIn {
		return "", ""
	}
	if o.Path != "" {
		return o.Path, "the command line"
	}
	for _, variable := range []string{"WEIR_CONFIG", "CONFIG_PATH"} {
		if name, given := o.LookupEnv(variable); given && name != "" {
			return name, "$" + variable
		}
	}
	return defaultFile, ""
}

// Parse is [Load] for a document that has been read already. Options.Path is
// its name, "" that of the built-in one.
func Parse(data []byte, o Options) (*Config, error) {
	o = o.withDefaults()
	source := o.Path
	if source == "" {
		source = BuiltIn
	}
	d := &decoder{
		doc: Pos{File: source, Line: 1, Column: 1}, folder: folderOf(source),
		refs: &resolver{lookup: o.LookupEnv, open: o.Open, files: map[string]string{}},
		at:   map[string]Pos{}, bad: map[string]bool{}, shown: map[string]string{},
	}
	c := &Config{Source: source, shown: d.shown}
	setDefaults(reflect.ValueOf(c).Elem())

	root, faults := parseTree(source, data)
	d.faults = faults
	if root == nil && len(faults) == 0 {
		root = &node{shape: mapping, pos: d.doc} // an empty document
	}
	if root != nil {
		d.structure(root, reflect.ValueOf(c).Elem(), "")
		d.override(c, o)
		d.complete(c)
		d.validate(c)
	}
	if len(d.faults) > 0 {
		return nil, Faults(sorted(d.faults))
	}
	c.Warnings = sorted(d.warned)
	return c, nil
}

// folderOf is where relative paths of the file source start.
func folderOf(source string) string {
	folder := filepath.Dir(source)
	if abs, err := filepath.Abs(folder); err == nil {
		return abs
	}
	return folder
}

// override puts what flags and the environment say in place of what the
// document says.
func (d *decoder) override(c *Config, o Options) {
	if o.Listen != "" {
		d.forget("listen.address", Pos{File: "--listen"})
		c.Listen.Address = o.Listen
	}
	s, given := o.LookupEnv("BODY_LIMIT")
	if !given || s == "" {
		return
	}
	const path = "listen.body_limit"
	d.forget(path, Pos{File: "BODY_LIMIT"})
	size := s
	if _, err := strconv.ParseUint(s, 10, 63); err == nil {
		size += "B"
	}
	v := reflect.ValueOf(&c.Listen).Elem()
	for _, f := range fieldsOf(v.Type()) {
		if f.name != "body_limit" {
			continue
		}
		if err := set(v.Field(f.index), f, size, text); err != nil {
			d.fault(path, quote(s)+" "+err.Error(), "write a number of bytes, or a number and its unit such as 50MiB"+f.rangeText(v.Field(f.index).Type()))
		}
	}
}

// forget drops what is known of the value at path and places it elsewhere.
// Faults of the document's own value stay: it is wrong all the same.
func (d *decoder) forget(path string, pos Pos) {
	d.at[path] = pos
	delete(d.shown, path)
	delete(d.bad, path)
}

// complete fills in the defaults that depend on other values.
func (d *decoder) complete(c *Config) {
	if !d.given("listen.body_memory") {
		c.Listen.BodyMemory = max(c.Listen.BodyMemory, 2*c.Listen.BodyLimit)
	}
	if t := &c.Transparent; t.Upstream != "" && t.Prefix == "" {
		t.Prefix = "/"
	}
	for i := range c.Upstreams {
		u, path := &c.Upstreams[i], fmt.Sprintf("upstreams[%d]", i)
		d.inheritTimeouts(&u.Timeouts, c.Timeouts, path+".timeouts")
		u.complete()
	}
}

// inheritTimeouts gives an upstream the common value of each timeout that it
// does not set itself.
func (d *decoder) inheritTimeouts(own *Timeouts, common Timeouts, path string) {
	to, from := reflect.ValueOf(own).Elem(), reflect.ValueOf(common)
	for _, f := range fieldsOf(to.Type()) {
		if !d.given(join(path, f.name)) {
			to.Field(f.index).Set(from.Field(f.index))
		}
	}
}

// The defaults of an upstream that depend on its kind.
const (
	openAIEndpoint    = "https://api.openai.com/v1"
	anthropicEndpoint = "https://api.anthropic.com"
	classicVersion    = "2024-10-21" // the last dated version that is not a preview
)

// complete fills in what depends on the upstream's kind. What has no default
// stays empty.
func (u *Upstream) complete() {
	switch u.Kind {
	case KindOpenAI:
		if u.Endpoint == "" {
			u.Endpoint = openAIEndpoint
		}
	case KindAnthropic:
		if u.Endpoint == "" {
			u.Endpoint = anthropicEndpoint
		}
	case KindAzure:
		if u.API == "" {
			u.API = APIv1
		}
		if u.API == APIClassic && u.APIVersion == "" {
			u.APIVersion = classicVersion
		}
	default:
		if u.Auth.Method == "" {
			u.Auth.Method = AuthNone
		}
	}
}
