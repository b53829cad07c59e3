package conformance_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite testdata/openaigo.txt")

// summary is what the run found, for people: the test runner prints what a
// package says, and is silent about tests that pass. Only the test of
// openai-go sets it.
var summary string

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if summary != "" {
			fmt.Println(summary)
		}
		os.Exit(code)
	}))
}
