// Package conformance runs openai-go's own generated API tests twice: directly
// against Steady, a mock server that checks every request against OpenAI's
// published document, and through a real weir binary to the same Steady. For
// the endpoints that Weir has, the same tests must pass, and the same requests
// must arrive. `make conformance SPEC=<folder>` runs it.
//
// Nobody lists the endpoints. A test belongs to the operation of the document
// that Steady found for its request, and Weir has what it does not itself
// answer with unknown_url or method_not_allowed. So the set grows with Weir. It
// cannot shrink unseen: testdata/openaigo.txt holds every test that passes
// through Weir, and who answered it, and must be what the run finds. `make
// conformance SPEC=<folder> ARGS=-update` writes it.
//
// It is a package of Weir's own module, not of test/e2e: it imports no client.
// The tests are built in a copy of openai-go, at the version that test/e2e
// pins and with openai-go's own dependencies. In a folder of its own it also
// needs only the mock server of npm, not half a gigabyte of clients.
//
// It has no code but tests, and it says nothing about failures or usage, and
// little about streams: the generated tests mostly ask for whole answers, and
// look only at whether the client could read them.
package conformance
