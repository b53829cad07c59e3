package upstream_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

func TestPoolBoundsConnections(t *testing.T) {
	arrived, release := make(chan struct{}, 2), make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		_, _ = w.Write([]byte("{}"))
	})
	u := open(t, upstream.Settings{Endpoint: url, Timeouts: upstream.Timeouts{Connect: 200 * time.Millisecond}, Pool: upstream.Pool{Connections: 1}})
	first := make(chan error, 1)
	go func() {
		a, err := u.Do(patient(t), call())
		if err == nil {
			err = a.Body.Close()
		}
		first <- err
	}()
	<-arrived
	if _, err := u.Do(patient(t), call()); llm.AsError(err).Code != llm.CodeConnectTimeout {
		t.Errorf("error = %v, want %s", err, llm.CodeConnectTimeout)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if len(arrived) != 0 {
		t.Error("a second request arrived")
	}
}

func TestPoolKeepsConnectionsForAWhile(t *testing.T) {
	for keep, again := range map[time.Duration]bool{0: true, time.Millisecond: false} {
		var from atomic.Pointer[string]
		same := false
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			before := from.Swap(&r.RemoteAddr)
			same = before != nil && *before == r.RemoteAddr
			_, _ = w.Write([]byte("{}"))
		})
		u := open(t, upstream.Settings{Endpoint: url, Pool: upstream.Pool{KeepAlive: keep}})
		do(t, u, call())
		<-time.After(50 * time.Millisecond)
		do(t, u, call())
		if same != again {
			t.Errorf("with keep-alive of %v the connection was used again: %v, want %v", keep, same, again)
		}
	}
}

func TestPoolHeaderTimeout(t *testing.T) {
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or nobody notices that the caller has left
		<-r.Context().Done()
	})
	u := open(t, upstream.Settings{Endpoint: url, Timeouts: upstream.Timeouts{FirstByte: patience}, Pool: upstream.Pool{Header: 50 * time.Millisecond}})
	_, err := u.Do(patient(t), call())
	if llm.AsError(err).Code != llm.CodeFirstByteTimeout || !strings.Contains(err.Error(), "pool.header_timeout") {
		t.Errorf("error = %v, want %s that names the setting", err, llm.CodeFirstByteTimeout)
	}
}

func TestPoolIsChecked(t *testing.T) {
	for _, p := range []upstream.Pool{{Connections: -1}, {Idle: -1}, {KeepAlive: -1}, {Header: -1}} {
		if _, err := upstream.New(upstream.Settings{Name: "n", Kind: upstream.OpenAI, Pool: p}); err == nil || !strings.Contains(err.Error(), "pool") {
			t.Errorf("New with %+v: %v, want a fault", p, err)
		}
	}
}

func TestPing(t *testing.T) {
	for status, there := range map[int]bool{200: true, 401: true, 404: true, 500: false, 503: false} {
		asked := ""
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked = r.Method + " " + r.URL.Path + " " + r.Header.Get("Authorization")
			w.WriteHeader(status)
		})
		for _, auth := range []upstream.Auth{{Mode: upstream.AuthPassthrough}, {Mode: upstream.AuthBearer, Secret: "s"}} {
			u := open(t, upstream.Settings{Endpoint: url + "/base/v1", Auth: auth})
			if err := u.Ping(patient(t)); (err == nil) != there {
				t.Errorf("Ping answered with %d: %v", status, err)
			}
			if want := "GET /base/v1/models "; auth.Secret == "" && asked != want || auth.Secret != "" && asked != want+"Bearer s" {
				t.Errorf("asked %q, want %q", asked, want)
			}
		}
	}
	u := open(t, upstream.Settings{Endpoint: "http://127.0.0.1:1"})
	if err := u.Ping(patient(t)); err == nil {
		t.Error("nobody is there, and Ping says nothing")
	}
	stuck := open(t, upstream.Settings{Endpoint: serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := stuck.Ping(ctx); err == nil || !strings.Contains(err.Error(), "in time") {
		t.Errorf("Ping = %v, want that there was no answer in time", err)
	}
}
