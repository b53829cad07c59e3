package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// onHangup calls do for each SIGHUP, one after the other, until stop is called.
// Signals that come while it runs are one. The SIGHUP of a terminal that was
// closed is not meant so: it ends the program, as it always has.
func onHangup(do func()) (stop func()) {
	attended := !signal.Ignored(syscall.SIGHUP) && hasTerminal() // not with nohup
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	var all sync.WaitGroup
	all.Go(func() {
		for range signals {
			if attended && !hasTerminal() {
				if self, err := os.FindProcess(os.Getpid()); err == nil {
					_ = self.Signal(syscall.SIGTERM)
				}
				continue
			}
			do()
		}
	})
	return func() {
		signal.Stop(signals)
		close(signals)
		all.Wait()
	}
}

// hasTerminal reports whether the program belongs to a terminal: one that could
// be closed, wherever its output goes.
func hasTerminal() bool {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}
