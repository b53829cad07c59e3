package dialecttest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An archive is a text archive: a comment and named files.
type archive struct {
	path    string
	comment string
	files   []file
}

type file struct{ name, data string }

func readArchive(t testing.TB, path string) *archive {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	a := &archive{path: path}
	for line := range strings.Lines(string(text)) {
		name, isName := strings.CutPrefix(strings.TrimSuffix(line, " --\n"), "-- ")
		switch {
		case isName && strings.HasSuffix(line, " --\n"):
			a.files = append(a.files, file{name: name})
		case len(a.files) == 0:
			a.comment += line
		default:
			a.files[len(a.files)-1].data += line
		}
	}
	return a
}

func (a *archive) write(t testing.TB) {
	t.Helper()
	text := []byte(a.comment)
	for _, f := range a.files {
		text = append(text, "-- "+f.name+" --\n"+f.data...)
	}
	if err := os.WriteFile(a.path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// file returns the data of the file called name.
func (a *archive) file(name string) (data string, ok bool) {
	for _, f := range a.files {
		if f.name == name {
			return f.data, true
		}
	}
	return "", false
}

func (a *archive) set(name, data string) {
	for i := range a.files {
		if a.files[i].name == name {
			a.files[i].data = data
			return
		}
	}
	a.files = append(a.files, file{name, data})
}

// archives returns the archives of a folder, by name.
func archives(t testing.TB, dir string) map[string]*archive {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives in %s (%v)", dir, err)
	}
	all := make(map[string]*archive)
	for _, path := range paths {
		all[strings.TrimSuffix(filepath.Base(path), ".txtar")] = readArchive(t, path)
	}
	return all
}
