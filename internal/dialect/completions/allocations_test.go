//go:build !race

package completions_test

import "testing"

func TestAllocations(t *testing.T) { suite().Allocations(t) }
