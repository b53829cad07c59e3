package store

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lock takes the lock of a file. held says that another process has it.
func lock(f *os.File) (held bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return true, nil
	}
	return false, err //nolint:wrapcheck // the caller says what it was about
}
