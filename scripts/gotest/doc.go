// Command gotest runs `go test` in one or more modules and ends with a list
// of every test that did not run: which real parts were missing, and the one
// command that adds them.
//
// Each argument is one run: a folder, then flags and packages for go test,
// separated by spaces. Without packages it runs ./...; an empty argument is
// nothing to run:
//
//	go run ./scripts/gotest ". -race" "test/e2e" ". -run=^TestAllocs ./internal/sse"
//
// Output is what go test prints, except that passing tests stay silent. The
// exit code is 1 if any run failed. With WEIR_TEST_STRICT=1 it is also 1 if a
// test was skipped for any reason but that it belongs to a make target of its
// own, so a bare t.Skip is no way around package realpart.
//
// It does not build, install or fetch anything, and it never retries a test.
package main
