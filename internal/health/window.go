package health

import "time"

// A window counts attempts of the last while, in two halves: what it counts is
// between half as old as the window and all of it.
type window struct {
	began             time.Time // of the newer half
	failed, all       int       // of the newer half
	failedOld, allOld int
}

func (w *window) add(now time.Time, width time.Duration, failed bool) {
	w.turn(now, width)
	w.all++
	if failed {
		w.failed++
	}
}

func (w *window) count(now time.Time, width time.Duration) (failed, all int) {
	w.turn(now, width)
	return w.failed + w.failedOld, w.all + w.allOld
}

// turn forgets what is too old.
func (w *window) turn(now time.Time, width time.Duration) {
	switch half := width / 2; {
	case now.Sub(w.began) >= width:
		*w = window{began: now}
	case now.Sub(w.began) >= half:
		*w = window{began: now, failedOld: w.failed, allOld: w.all}
	}
}
