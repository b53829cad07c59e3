//go:build !race

package media_test

import "testing"

func TestImageAllocations(t *testing.T) { images().Allocations(t) }

func TestAudioAllocations(t *testing.T) { audio().Allocations(t) }
