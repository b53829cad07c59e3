package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/config"
)

func TestEnvFileLines(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"plain", "A=b", "A=b"},
		{"empty", "A=", "A="},
		{"spaces", "  A = b c \t", "A=b c"},
		{"export", "export A=b", "A=b"},
		{"export with a tab", "export\t A=b", "A=b"},
		{"a name that begins alike", "exportA=b", "exportA=b"},
		{"a variable called export", "export=b", "export=b"},
		{"the carriage return of Windows", "A=b\r", "A=b"},
		{"a byte order mark", "\ufeffA=b", "A=b"},
		{"a comment", "A=b # c", "A=b"},
		{"a comment after a tab", "A=b\t#c", "A=b"},
		{"nothing but a comment", "A= # c", "A="},
		{"no comment", "A=b#c", "A=b#c"},
		{"no comment at the beginning", "A=#b", "A=#b"},
		{"equals signs", "A=b=c==", "A=b=c=="},
		{"a mapper", "A=gpt-4=four, gpt-3.5-turbo=mine", "A=gpt-4=four, gpt-3.5-turbo=mine"},
		{"single quotes", `A='b # c\n "$D"'`, `A=b # c\n "$D"`},
		{"double quotes", `A="b # c 'd'"`, `A=b # c 'd'`},
		{"escapes", `A="\n\r\t\"\$\\"`, "A=\n\r\t\"$\\"},
		{"a comment after quotes", `A="b" # c`, "A=b"},
		{"a comment right after quotes", `A='b'#c`, "A=b"},
		{"empty quotes", `A=""`, "A="},
		{"quotes further on", `A=b"c"`, `A=b"c"`},
		{"nothing is expanded", "A=${HOME}$B`c`", "A=${HOME}$B`c`"},
		{"a line of comment", "  # A=b", ""},
		{"an empty line", " \t", ""},
	} {
		names, values, faults := config.ParseEnvFile(".env", tt.line)
		got := ""
		for i := range names {
			got += names[i] + "=" + values[i]
		}
		if got != tt.want || len(faults) > 0 {
			t.Errorf("%s: %q is %q with faults %v, want %q", tt.name, tt.line, got, faults, tt.want)
		}
	}
}

func TestEnvFileFaults(t *testing.T) {
	doc := strings.Join([]string{
		"# made up",
		"OK=1",
		"no equals sign here",
		"  1A=b",
		"A-B=secret-value",
		"=secret-value",
		`A="secret-value`,
		`A='secret-value`,
		`A="secret-value\x"`,
		`A="secret" value`,
		"A=secret-\xff",
		"A=secret-\x00",
		"A=" + strings.Repeat("x", 65<<10),
		"export A",
	}, "\n")
	want := `.env:3:1: there is no = in this line
	write NAME=VALUE, and # before a comment
.env:4:3: what stands before = is not a variable's name
	a name has letters, digits and _, the first not a digit
.env:5:1: what stands before = is not a variable's name
	a name has letters, digits and _, the first not a digit
.env:6:1: what stands before = is not a variable's name
	a name has letters, digits and _, the first not a digit
.env:7:3: the quote is not closed on this line
	close it; a line break in a value is \n between double quotes
.env:8:3: the quote is not closed on this line
	close it; a line break in a value is \n between double quotes
.env:9:16: this escape is not known
	write \\ for a backslash; the others are \n, \r, \t, \" and \$
.env:10:12: something follows the closing quote
	put all of the value in quotes, and # before a comment
.env:11:3: the value is not a text in UTF-8
	save the file as UTF-8
.env:12:3: the value is not a text in UTF-8
	save the file as UTF-8
.env:13:3: the value is longer than 64KiB
	check the file
.env:14:8: there is no = in this line
	write NAME=VALUE, and # before a comment`
	_, _, faults := config.ParseEnvFile(".env", doc)
	if diff := cmp.Diff(want, config.Faults(faults).Error()); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// TestEnvFiles: of several values the environment's own wins, then the last
// file's; an empty variable counts as none.
func TestEnvFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "a.env", "OPENAI_API_KEY=from-a\nOLLAMA_BASE_URL=http://127.0.0.1:1\nPORT=1000\nHTTPS_PROXY=http://127.0.0.1:2\nPROXY_API_KEY=the-same-in-both-places\n")
	writeFile(t, "b.env", "export OPENAI_API_KEY='from-b'\n")
	before := os.Environ()
	c, err := config.Load(config.Options{
		EnvFiles:  []string{"a.env", "b.env"},
		LookupEnv: environment("PORT", "2000", "OLLAMA_BASE_URL", "", "PROXY_API_KEY", "the-same-in-both-places", "HOME", "/srv/home"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Upstreams[0].Auth.APIKey.Reveal(); got != "from-b" || c.Upstreams[1].Endpoint != "http://127.0.0.1:1" || c.Listen.Address != ":2000" {
		t.Errorf("Load() = key %s, Ollama at %s, address %s; want from-b, the first file's and :2000", got, c.Upstreams[1].Endpoint, c.Listen.Address)
	}
	want := `a.env:3:1: PORT: has another value in the environment, which wins
	unset it there, or remove this line
a.env:4:1: HTTPS_PROXY: is not taken from a file
	set it in the environment that starts weir`
	if diff := cmp.Diff(want, config.Faults(c.Warnings).Error()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, os.Environ()); diff != "" {
		t.Errorf("the environment of the process has changed:\n%s", diff)
	}
}

// TestEnvFileNamesTheConfiguration: what a file of variables says counts
// everywhere, for references and folders too.
func TestEnvFileNamesTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	doc := writeFile(t, filepath.Join(dir, "gate.yaml"), named("${MODEL}"))
	file := writeFile(t, filepath.Join(dir, ".env"), "WEIR_CONFIG="+doc+"\nMODEL=named-there\nWEIR_DATA_DIR=/srv/data\n")
	c, err := config.Load(config.Options{EnvFiles: []string{file}, LookupEnv: environment()})
	if err != nil {
		t.Fatal(err)
	}
	if c.Models[0].Name != "named-there" || c.DataDir != "/srv/data" {
		t.Errorf("Load() = model %s, data_dir %s", c.Models[0].Name, c.DataDir)
	}
}

func TestEnvFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.env")
	f, err := os.Create(large)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(1<<40), f.Close()); err != nil {
		t.Fatal(err)
	}
	wrong := writeFile(t, filepath.Join(dir, "wrong.env"), "nonsense\n")
	for _, tt := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"missing", []string{filepath.Join(dir, "missing.env")}, []string{"--env-file", "missing.env", "no such file"}},
		{"too large, and another with a fault", []string{large, wrong}, []string{"large.env: the file is larger than 1MiB", "wrong.env:1:1: there is no ="}},
	} {
		_, err := config.Load(config.Options{EnvFiles: tt.files, LookupEnv: environment()})
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: Load error = %v, want %q", tt.name, err, want)
			}
		}
	}
}

// TestSimulatorTakesNoVariables: nobody's real key is spent by a first try.
func TestSimulatorTakesNoVariables(t *testing.T) {
	file := writeFile(t, filepath.Join(t.TempDir(), ".env"), "OPENAI_API_KEY=k\n")
	c, err := config.Load(config.Options{BuiltIn: true, EnvFiles: []string{file}, LookupEnv: environment("ANTHROPIC_API_KEY", "k")})
	if err != nil || c.Source != config.BuiltIn {
		t.Errorf("Load() = %v, %v; want the built-in configuration", c, err)
	}
}

// FuzzEnvFile: names are names, values can be in an environment, every fault
// has a place and a remedy, and what was read can be written and read again.
func FuzzEnvFile(f *testing.F) {
	for _, seed := range []string{"A=b", "export A='b'", `A="\n" # c`, "\ufeffA=b\r\n# c\n\nB = \"x", "A=b #c\nA", `A='x"y\' #`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		names, values, faults := config.ParseEnvFile(".env", doc)
		lines := strings.Count(doc, "\n") + 1
		for _, fault := range faults {
			if fault.Pos.Line < 1 || fault.Pos.Line > lines || fault.Pos.Column < 1 || fault.Msg == "" || fault.Remedy == "" {
				t.Errorf("fault %+v, want a place and a remedy", fault)
			}
		}
		var again strings.Builder
		for i, name := range names {
			if strings.ContainsAny(name, "= \t\x00") || name == "" || !utf8.ValidString(values[i]) || strings.ContainsRune(values[i], 0) {
				t.Errorf("variable %q = %q", name, values[i])
			}
			escaped := strings.NewReplacer("\\", `\\`, "\"", `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "$", `\$`).Replace(values[i])
			again.WriteString("export " + name + ` = "` + escaped + `" # again` + "\r\n")
		}
		names2, values2, faults2 := config.ParseEnvFile(".env", again.String())
		if diff := cmp.Diff([][]string{names, values}, [][]string{names2, values2}); diff != "" || len(faults2) > 0 {
			t.Errorf("written and read again (-first +again), with faults %v:\n%s", faults2, diff)
		}
	})
}

// FuzzEnvironment: whatever variables hold, there is an answer; faults name a
// variable, nothing that is said holds a secret, and what is printed loads to
// the same.
func FuzzEnvironment(f *testing.F) {
	f.Add("https://a.openai.azure.com", "gpt-4=four, x=y", "0.0.0.0:8080", "", "2024-10-21", "", "")
	f.Add("https://u:p@h/path?q#f", "=,a=,=b,*=c,a=*,file:/x=y,$=$$", ":1", "openai", "", "http://127.0.0.1/v1", "80")
	f.Add("", "", "", "", "", "https://api.openai.com", "65535")
	f.Fuzz(func(t *testing.T, endpoint, mapper, address, mode, version, url, port string) {
		env := map[string]string{
			"AZURE_OPENAI_ENDPOINT": endpoint, "AZURE_OPENAI_MODEL_MAPPER": mapper, "AZURE_OPENAI_PROXY_ADDRESS": address,
			"AZURE_OPENAI_PROXY_MODE": mode, "AZURE_OPENAI_APIVERSION": version, "OPENAI_BASE_URL": url, "PORT": port,
			"AZURE_OPENAI_API_KEY": leaked + "-key", "PROXY_API_KEY": leaked + "-proxy-key", "HOME": "/srv/home",
		}
		for _, value := range env {
			if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
				return // no variable holds that
			}
		}
		o := environmentOptions(env)
		c, err := config.Load(o)
		if err != nil {
			checkFaultTexts(t, err)
			checkVariablesNamed(t, env, err)
			if strings.Contains(err.Error(), leaked) {
				t.Errorf("a secret is shown: %v", err)
			}
			return
		}
		if printed := printAgain(t, c, o); strings.Contains(printed+config.Faults(c.Warnings).Error(), leaked) {
			t.Errorf("a secret is shown:\n%s\n%v", printed, c.Warnings)
		}
	})
}
