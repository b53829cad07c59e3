package secret

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestOpenFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "data", "secret.key")
	root, made, err := Open(name)
	if err != nil || !made {
		t.Fatalf("the first Open: made %v, %v", made, err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
	if dir, err := os.Stat(filepath.Dir(name)); err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", dir.Mode(), err)
	}
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	again, made, err := Open(name)
	if err != nil || made {
		t.Fatalf("the second Open: made %v, %v", made, err)
	}
	if root.Derive("p") != again.Derive("p") {
		t.Error("it is another secret the second time")
	}
	if after, _ := os.ReadFile(name); string(after) != string(before) {
		t.Error("the file was written again")
	}
	if left, _ := os.ReadDir(filepath.Dir(name)); len(left) != 1 {
		t.Errorf("there is more in the folder: %v", left)
	}
}

// TestOpenAtOnce: of many that find no file, one makes it and all have its
// secret.
func TestOpenAtOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "secret.key")
	var all sync.WaitGroup
	const n = 16
	keys, makers := make([][Size]byte, n), make([]bool, n)
	for i := range n {
		all.Go(func() {
			root, made, err := Open(name)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i], makers[i] = root.Derive("p"), made
		})
	}
	all.Wait()
	made := 0
	for i := range n {
		if keys[i] != keys[0] {
			t.Error("two have different secrets")
		}
		if makers[i] {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d have made it, want 1", made)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		content string
		mode    fs.FileMode
		want    string
	}{
		{"readable by everybody", text(1), 0o644, "chmod 600 "},
		{"writable by everybody", text(1), 0o602, "chmod 600 "},
		{"cut", text(1)[:20], 0o600, "cannot be used: secret 1 of 1"},
		{"empty", "", 0o600, "cannot be used: there is no secret in it; restore it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "secret.key")
			if err := errors.Join(os.WriteFile(name, []byte(tt.content), 0o600), os.Chmod(name, tt.mode)); err != nil {
				t.Fatal(err)
			}
			_, made, err := Open(name)
			if err == nil || made || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), name) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
			if err != nil && tt.content != "" && strings.Contains(err.Error(), tt.content) {
				t.Errorf("the error says what is in it: %v", err)
			}
			if got, _ := os.ReadFile(name); string(got) != tt.content {
				t.Errorf("the file has become %q", got)
			}
		})
	}
	t.Run("a group's", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "secret.key")
		if err := errors.Join(os.WriteFile(name, []byte(text(1)), 0o600), os.Chmod(name, 0o660)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(name); err != nil {
			t.Errorf("a volume's group may read it: %v", err)
		}
	})
	t.Run("a folder", func(t *testing.T) {
		if _, _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no file") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a link to nothing", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "secret.key")
		if err := os.Symlink(name+".gone", name); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(name); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotMade) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("no folder can be made", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, made, err := Open(filepath.Join(file, "secret.key")); !errors.Is(err, ErrNotMade) || made {
			t.Errorf("made %v, %v", made, err)
		}
	})
}
