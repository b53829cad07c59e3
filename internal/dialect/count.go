package dialect

import "github.com/weir-gateway/weir/internal/jsontree"

// ReadCount reads the answer to a request to count tokens, in whichever
// protocol: all of them call it input_tokens. It returns false for what is no
// such answer.
func ReadCount(body []byte) (n int64, ok bool) {
	v, err := jsontree.Parse(body)
	if err != nil {
		return 0, false
	}
	n, ok = v.Get("input_tokens").Int()
	return n, ok && n >= 0
}
