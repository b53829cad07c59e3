// Package realpart finds the real clients and servers that some tests run
// against: Codex CLI, the Python and Node SDKs, curl, nginx.
//
// A machine need not have them. [Need] skips the test that asks for one which
// is missing, in words that the test runner (scripts/gotest) collects and
// prints at the end of the run, together with the one command that adds the
// part. With WEIR_TEST_STRICT=1, which `make check` sets, a missing part is a
// failure instead, so that no continuous integration run can pass on tests it
// never ran. [Only] is for tests that have a make target of their own.
//
// A test that needs nothing but Go does not need this package, and only tests
// and their runner may import it. It never installs or downloads anything:
// that is the work of scripts/deps.sh and scripts/fetch.sh.
package realpart
