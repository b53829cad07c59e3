package simulator

// early makes the exchange answer without having read a byte of the body, as a
// server does that has seen enough in the headers. What it says is what sim-1
// says to an empty prompt, or to an empty file.
func (x *exchange) early() {
	_ = x.rc.EnableFullDuplex() // else net/http reads the body first; HTTP/2 needs no such thing
	x.w.Header().Set("Connection", "close")
	prompt := ""
	switch x.operation {
	case "image_generation", "image_edit", "speech":
		prompt = "sim"
	}
	x.req, _ = parseObject([]byte(`{"model":"sim-1","max_tokens":16,"prompt":"` + prompt + `","input":"` + prompt + `","voice":"alloy","purpose":"user_data",` +
		`"messages":[{"role":"user","content":""}]}`))
	empty := part{filename: "sim", isFile: true, data: []byte{0}, sha256: emptyHash}
	for _, name := range []string{"file", "image"} {
		empty.name = name
		x.form = append(x.form, empty)
	}
}

// emptyHash stands for the hash of a file that was not read.
const emptyHash = "0000000000000000000000000000000000000000000000000000000000000000"
