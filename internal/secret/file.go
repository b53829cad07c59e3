package secret

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// maxFile bounds what is read of a file, in bytes.
const maxFile = 64 << 10

// othersMay are the permissions that everybody on the machine has. Those of a
// group are left alone: volumes of containers are given to one.
const othersMay fs.FileMode = 0o007

// Open returns the secrets in the file called name. If there is none it is
// made, with a new secret, for its owner alone; its folder too. A file that is
// there is never written to. made reports whether it was not there.
//
// A file that everybody may read or write is an error, and so is one that
// holds no secret: nothing that was sealed would open with another.
//
// The error is [ErrNotMade] if there is no file to be seen and none can be
// made.
func Open(name string) (root *Root, made bool, err error) {
	if _, err := os.Lstat(name); err != nil {
		switch err := create(name); {
		case err == nil:
			made = true
		case !errors.Is(err, fs.ErrExist): // else another process was faster
			return nil, false, fmt.Errorf("%w: %w", ErrNotMade, err)
		}
	}
	root, err = read(name)
	return root, made, err
}

// ErrNotMade is returned where a root secret cannot be written.
var ErrNotMade = errors.New("no root secret can be made")

func read(name string) (*Root, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the root secret: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the root secret: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("the root secret %s is no file", name)
	case info.Mode()&othersMay != 0 && runtime.GOOS != "windows":
		return nil, fmt.Errorf("the root secret %s may be used by everybody on this machine: chmod 600 %s, and replace it if somebody may have seen it", name, name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("reading the root secret: %w", err)
	}
	root, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("the root secret %s cannot be used: %w; restore it from a copy, or remove it, and what was sealed with it is lost", name, err)
	}
	return root, nil
}

// create makes the file with a new secret, whole or not at all. The error is
// [fs.ErrExist] if it is there.
func create(name string) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	text := []byte(base64.StdEncoding.EncodeToString(random(Size)) + "\n")
	temp := filepath.Join(dir, ".secret-"+rand.Text())
	if err := write(temp, text); err != nil {
		_ = os.Remove(temp) // it may not even be there
		return err
	}
	err := os.Link(temp, name) // never replaces a file, as a rename would
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = write(name, text) // a file system without links
	}
	return errors.Join(err, os.Remove(temp), syncFolder(dir))
}

// write writes a file that must not be there yet.
func write(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncFolder makes a new name in a folder survive the machine, where the
// system can do that.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // some file systems have no such thing for folders
	return d.Close()
}
