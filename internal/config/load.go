package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
)

// Options say where a configuration comes from. The zero Options are those of
// a program started without flags.
type Options struct {
	// Path is the file named by --config; "" looks further.
	Path string

	// Listen, if not "", replaces listen.address (--listen).
	Listen string

	// DataDir, if not "", replaces data_dir (--data-dir).
	DataDir string

	// EnvFiles are files of variables, NAME=VALUE, that stand beside the
	// environment in Load (--env-file). A variable of the environment wins over
	// them, a later file over an earlier one. Parse ignores them.
	EnvFiles []string

	// BuiltIn takes the built-in configuration, whatever files and variables
	// there are (--simulator). Only data_dir still depends on the environment.
	BuiltIn bool

	// LookupEnv reads the environment; nil means [os.LookupEnv]. An empty
	// variable counts as one that is not set, but for references.
	LookupEnv func(name string) (value string, set bool)

	// Open opens the configuration and every file that it names; nil means
	// [os.Open].
	Open func(name string) (io.ReadCloser, error)

	places func(name string) (value string, set bool) // LookupEnv, of folders
	probe  func(name string) (io.ReadCloser, error)   // Open, of what is only looked for
	again  *again                                     // nil the first time
}

func (o Options) withDefaults() Options {
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	if o.places == nil {
		o.places = o.LookupEnv
	}
	if o.BuiltIn {
		o.LookupEnv = func(string) (string, bool) { return "", false }
	}
	if o.Open == nil {
		o.Open = func(name string) (io.ReadCloser, error) { return os.Open(name) }
	}
	if o.probe == nil {
		o.probe = o.Open
	}
	return o
}

// defaultFile is read if it is there and no other is named.
const defaultFile = "weir.yaml"

// Load reads the configuration: the file named by Options.Path, $WEIR_CONFIG
// or $CONFIG_PATH, else ./weir.yaml. A file that is named and cannot be read is
// an error. Without any, the variables of the environment make the
// configuration (environment.go), and if there are none of those, it is the
// built-in one ([BuiltIn]).
//
// Everything that is wrong inside it is returned as one [Faults]. The Config
// is nil if there is an error.
func Load(o Options) (*Config, error) {
	o, warned, err := o.withDefaults().withEnvFiles()
	if err != nil {
		return nil, err
	}
	c, err := o.load()
	if err != nil {
		return nil, err
	}
	c.Warnings = sorted(append(warned, c.Warnings...))
	return c, nil
}

func (o Options) load() (*Config, error) {
	name, named := o.find()
	if name == "" {
		return o.fromEnvironment()
	}
	data, err := readAll(o.Open, name, maxSource)
	switch {
	case errors.Is(err, fs.ErrNotExist) && named == "" && o.again == nil:
		return o.withoutFile()
	case errors.Is(err, fs.ErrNotExist) && o.again != nil:
		return nil, fmt.Errorf("reading the configuration: %w\n\tput the file back where it was at the start", err)
	case errors.Is(err, errTooLarge):
		return nil, Faults{{Pos: Pos{File: name}, Msg: "the file is larger than " + formatSize(maxSource), Remedy: "a configuration is a few pages; check the file's name"}}
	case err != nil && named != "":
		return nil, fmt.Errorf("reading the configuration named by %s: %w\n\t%s", named, err, readRemedy(err))
	case err != nil:
		return nil, fmt.Errorf("reading the configuration: %w\n\t%s", err, readRemedy(err))
	}
	o.Path = name
	c, err := Parse(data, o)
	if err == nil {
		c.file = name
	}
	return c, err
}

// withoutFile returns the configuration that the environment makes. A file that
// was almost named right is a warning: its owner believes that it is used.
func (o Options) withoutFile() (*Config, error) {
	c, err := o.fromEnvironment()
	if err != nil {
		return nil, err
	}
	for _, almost := range []string{"weir.yml", "weir.json"} {
		f, err := o.probe(almost)
		if err != nil {
			continue
		}
		_ = f.Close() // nothing was read
		instead := "the environment decides"
		if c.Source == BuiltIn {
			instead = "the built-in simulator serves"
		}
		c.Warnings = append(c.Warnings, Fault{Pos: Pos{File: almost}, Msg: "is not read, " + instead, Remedy: "rename it to " + defaultFile + ", or name it with --config"})
	}
	return c, nil
}

// readRemedy is what to do about a file that cannot be read.
func readRemedy(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "correct its name, or leave it out: without a file, variables of the environment decide"
	case errors.Is(err, fs.ErrPermission):
		return "let the user that runs weir read it"
	default:
		return "name a file that can be read"
	}
}

// find returns the file to read and what names it; named is "" for the
// default file, name is "" for none at all.
func (o Options) find() (name, named string) {
	if o.BuiltIn {
		return "", ""
	}
	if o.again != nil {
		return o.again.file, ""
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
	d := newDecoder(Pos{File: source, Line: 1, Column: 1}, o)
	root, faults := parseTree(source, data)
	d.faults, d.source = faults, data
	if root == nil && len(faults) == 0 {
		root = &node{shape: mapping, pos: d.doc} // an empty document
	}
	return d.config(root, o)
}

// config makes a configuration of a tree, or of nothing if faults have
// prevented one.
func (d *decoder) config(root *node, o Options) (*Config, error) {
	c := &Config{Source: d.doc.File, shown: d.shown, notes: d.notes, given: d.at}
	setDefaults(reflect.ValueOf(c).Elem())
	if root != nil {
		d.structure(root, reflect.ValueOf(c).Elem(), "")
		d.override(c, o)
		d.complete(c)
		d.pool(c, o)
		d.validate(c)
		d.keep(c, o.again)
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
