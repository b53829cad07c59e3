package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/listen"
)

// open opens the sockets that clients connect to.
func (a *App) open(ctx context.Context, cfg *config.Config) (err error) {
	s := listen.Settings{
		Address:       cfg.Listen.Address,
		CertFile:      cfg.Listen.TLS.Cert,
		KeyFile:       cfg.Listen.TLS.Key,
		HeaderTimeout: cfg.Listen.Timeouts.Header,
		IdleTimeout:   cfg.Listen.Timeouts.Idle,
		WriteTimeout:  cfg.Listen.Timeouts.Write,
	}
	if a.server, err = listen.Listen(ctx, s, a.shown(a.handler), a.log); err != nil {
		return err
	}
	own := cfg.Transparent
	if own.Upstream == "" || own.Address == "" {
		return nil
	}
	s.Address, s.CertFile, s.KeyFile = own.Address, own.TLS.Cert, own.TLS.Key
	if a.door, err = listen.Listen(ctx, s, a.shown(a.handler.Transparent()), a.log); err != nil {
		return errors.Join(fmt.Errorf("the transparent door: %w", err), a.server.Close())
	}
	return nil
}

// shown returns h, with what it is asked and answers shown if somebody looks
// on.
func (a *App) shown(h http.Handler) http.Handler {
	if a.trace == nil {
		return h
	}
	return a.trace.Handler(h)
}

// servers returns those that clients connect to.
func (a *App) servers() []*listen.Server {
	var all []*listen.Server
	for _, s := range []*listen.Server{a.server, a.door} {
		if s != nil {
			all = append(all, s)
		}
	}
	return all
}

// Addr returns the address that clients connect to.
func (a *App) Addr() net.Addr { return a.server.Addr() }

// URL returns the base URL for clients on this machine.
func (a *App) URL() string { return urlOf(a.server) }

// DoorURL returns the base URL of the transparent door, without the prefix; it
// is empty if there is none.
func (a *App) DoorURL() string {
	door := a.config().Transparent
	switch {
	case door.Upstream == "":
		return ""
	case door.Address == "":
		return a.URL()
	default:
		return urlOf(a.door)
	}
}

func urlOf(s *listen.Server) string {
	scheme := "http"
	if s.TLS() {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(s.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return scheme + "://" + net.JoinHostPort("127.0.0.1", port)
	}
	return scheme + "://" + s.Addr().String()
}
