//go:build !race

package messages_test

import "testing"

func TestAllocations(t *testing.T) { suite().Allocations(t) }

// An event of text costs its text when it is read, and nothing when it is
// written.
func TestCodecAllocations(t *testing.T) {
	if n := testing.AllocsPerRun(1000, eventReader(t)); n > 1 {
		t.Errorf("reading an event of text makes %v allocations, want 1", n)
	}
	if n := testing.AllocsPerRun(1000, eventWriter()); n > 0 {
		t.Errorf("writing an event of text makes %v allocations, want none", n)
	}
}
