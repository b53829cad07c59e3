package mock

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
)

// A requestError is a request that the mock does not serve.
type requestError struct {
	status int
	why    string
}

func (e *requestError) Error() string { return "mock: " + e.why }

const (
	keptBody = 64 << 10 // bytes; a longer body is read and forgotten but for its ends
	keptEnd  = 4 << 10  // bytes, of either end
)

// A reader reads requests from one connection. Its buffer is reused.
type reader struct {
	r         *bufio.Reader
	body      []byte
	responses bool // the last request came to ResponsesPath
}

// next reads one request and returns its body, or the first and the last
// [keptEnd] bytes of a body longer than [keptBody]. The result is valid until the next call.
// The error is a *requestError for what is not served, else what reading gave.
func (in *reader) next() ([]byte, error) {
	line, err := in.r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	in.responses = bytes.HasPrefix(line, []byte("POST "+ResponsesPath+" HTTP/1.1\r"))
	if !in.responses && !bytes.HasPrefix(line, []byte("POST "+Path+" HTTP/1.1\r")) {
		return nil, &requestError{404, "not POST " + Path + " or " + ResponsesPath + ": " + string(bytes.TrimSpace(line))}
	}
	size, err := in.head()
	if err != nil {
		return nil, err
	}
	if size > keptBody {
		return in.skip(size)
	}
	if cap(in.body) < size {
		in.body = make([]byte, size)
	}
	in.body = in.body[:size]
	_, err = io.ReadFull(in.r, in.body)
	return in.body, err
}

// head reads the header fields and returns the Content-Length.
func (in *reader) head() (int, error) {
	size := -1
	for {
		line, err := in.r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(name, []byte("Content-Length")) {
			continue
		}
		if size, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil || size < 0 {
			return 0, &requestError{400, "malformed Content-Length"}
		}
	}
	if size < 0 {
		return 0, &requestError{411, "no Content-Length"}
	}
	return size, nil
}

// skip reads a body of size bytes and returns its beginning and its end.
func (in *reader) skip(size int) ([]byte, error) {
	if cap(in.body) < keptBody {
		in.body = make([]byte, keptBody)
	}
	kept, buf := in.body[:2*keptEnd], in.body[2*keptEnd:cap(in.body)]
	if _, err := io.ReadFull(in.r, kept[:keptEnd]); err != nil {
		return nil, err
	}
	for rest := size - len(kept); rest > 0; {
		n, err := in.r.Read(buf[:min(rest, len(buf))])
		if err != nil {
			return nil, err
		}
		rest -= n
	}
	_, err := io.ReadFull(in.r, kept[keptEnd:])
	return kept, err
}
