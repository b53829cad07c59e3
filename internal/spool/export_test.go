package spool

import "os"

// Mode returns who may open f, if it still had a name.
func (f *File) Mode() (os.FileMode, error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Mode().Perm(), nil
}
