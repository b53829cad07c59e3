package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/weir-gateway/weir/bench/internal/bareproxy"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on")
	upstream := flag.String("upstream", "", "base URL to forward to")
	flag.Parse()
	if err := serve(*listen, *upstream); err != nil {
		fmt.Fprintf(os.Stderr, "proxy: %v\n", err)
		os.Exit(1)
	}
}

// serve serves until a signal.
func serve(listen, upstream string) error {
	ctx, unnotify := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer unnotify()
	u, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	if u.Host == "" {
		return errors.New("-upstream is not an absolute URL")
	}
	proxy, tr := bareproxy.New(u)
	defer tr.CloseIdleConnections()
	srv := &http.Server{Addr: listen, Handler: proxy} //nolint:gosec // bare: no timeouts, nothing but the proxy
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
