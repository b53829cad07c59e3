// Package gatetest runs the whole gateway in-process on a free port, with a
// simulator behind it, for any package's tests:
//
//	g := gatetest.Start(t, `
//	upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
//	models: [{ name: "*", targets: [{ upstream: sim }] }]
//	`)
//	resp := g.Post(t, "/v1/chat/completions", `{"model":"m","messages":[]}`)
//
// Everything is real: configuration text, sockets, ledger, log. It is not for
// programs: what it starts ends with the test.
package gatetest
