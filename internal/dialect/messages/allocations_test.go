//go:build !race

package messages_test

import "testing"

func TestAllocations(t *testing.T) { suite().Allocations(t) }
