//go:build !race

package chat_test

import "testing"

func TestAllocations(t *testing.T) { suite().Allocations(t) }
