//go:build !race

package responses_test

import "testing"

func TestAllocations(t *testing.T) { suite().Allocations(t) }
