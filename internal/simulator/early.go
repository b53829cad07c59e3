package simulator

// early makes the exchange answer without having read a byte of the body, as a
// server does that has seen enough in the headers. What it says is what sim-1
// says to an empty prompt.
func (x *exchange) early() {
	_ = x.rc.EnableFullDuplex() // else net/http reads the body first; HTTP/2 needs no such thing
	x.w.Header().Set("Connection", "close")
	x.req, _ = parseObject([]byte(`{"model":"sim-1","max_tokens":16,"prompt":"","input":"","messages":[{"role":"user","content":""}]}`))
}
