package upstream_test

import (
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/upstream"
)

// TestRest: a connection is used again where what was left of the answer has
// come in time and is not too much, and nobody waits longer.
func TestRest(t *testing.T) {
	for _, tt := range []struct {
		name, rest string
		hangs      bool
		again      bool
	}{
		{"the end of the body", "0\r\n\r\n", false, true},
		{"more, and the end", "3\r\nabc\r\n0\r\n\r\n", false, true},
		{"too much", "8\r\nabcdefgh\r\n0\r\n\r\n", false, false},
		{"nothing", "", true, false},
		{"something, and nothing", "3\r\nabc\r\n", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conns := make(chan int, 2)
			read := make(chan struct{}, 2)
			u := open(t, upstream.Settings{Endpoint: raw(t, func(n int, c *conn) {
				for {
					if _, ok := c.request(); !ok {
						return
					}
					conns <- n
					c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
					<-read
					c.send(tt.rest)
				}
			})})
			began := time.Now()
			for range 2 {
				a, err := u.Do(t.Context(), call())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := a.Body.Read(make([]byte, 2)); err != nil {
					t.Fatal(err)
				}
				read <- struct{}{}
				wait := 10 * time.Second
				if tt.hangs {
					wait = 20 * time.Millisecond
				}
				a.Rest(wait, 6)
				_ = a.Body.Close()
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if first, second := <-conns, <-conns; (first == second) != tt.again {
				t.Errorf("the calls were on connections %d and %d, want the same: %v", first, second, tt.again)
			}
		})
	}
}
