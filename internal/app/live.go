package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"slices"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/health"
	"github.com/weir-gateway/weir/internal/listen"
	"github.com/weir-gateway/weir/internal/registry"
	"github.com/weir-gateway/weir/internal/simulator"
	"github.com/weir-gateway/weir/internal/upstream"
)

// live is what outlives a configuration: the objects of those that serve or
// that an exchange still has, by the settings that define them. An object that
// two configurations describe in the same words is the same object.
type live struct {
	upstreams  *registry.Registry[*upstream.Upstream]
	health     *registry.Registry[*health.Upstream]
	simulators *registry.Registry[*embedded] // one, or none
}

func newLive() live {
	return live{
		upstreams:  registry.New((*upstream.Upstream).CloseIdle),
		health:     registry.New((*health.Upstream).Close),
		simulators: registry.New((*embedded).close),
	}
}

// holds are what a snapshot has taken of the live objects.
type holds []func()

// release lets all of them go, the last first.
func (h *holds) release() {
	for _, release := range slices.Backward(*h) {
		release()
	}
	*h = nil
}

// take takes an object of r for a snapshot.
func take[V any](r *registry.Registry[V], h *holds, key registry.Key, build func() (V, error)) (V, error) {
	v, release, err := r.Take(key, build)
	if err == nil {
		*h = append(*h, release)
	}
	return v, err
}

// upstream returns the upstream that c describes, and what is done about it if
// it fails. Its connections are those of every configuration with the same words
// about it, the certificates that it trusts included; what is known of its
// health lasts as long, if it is judged in the same way.
func (a *App) upstream(c config.Upstream, h *holds) (*upstream.Upstream, *gateway.Watch, error) {
	s := a.settings(c)
	if s.Kind == upstream.Simulator && s.Endpoint == "" {
		sim, err := take(a.live.simulators, h, registry.Key{}, a.embed)
		if err != nil {
			return nil, nil, err
		}
		s.Endpoint = sim.url()
	}
	var pem []byte
	if c.CAFile != "" {
		var err error
		if pem, err = os.ReadFile(c.CAFile); err != nil {
			return nil, nil, fmt.Errorf("reading ca_file: %w", err)
		}
		s.RootCAs = x509.NewCertPool()
		if !s.RootCAs.AppendCertsFromPEM(pem) {
			return nil, nil, fmt.Errorf("ca_file %s holds no certificate in PEM", c.CAFile)
		}
	}
	w, settings := watchOf(&c)
	c.UnknownIDs, c.PassthroughPaths = "", nil // of the snapshot, and none of the upstream's business
	c.Retry, c.Health, c.MaxInFlight, c.Queue = config.Retry{}, config.Health{}, 0, config.Queue{}
	key := config.Identity(c, s.Endpoint, string(pem))
	u, err := take(a.live.upstreams, h, key, func() (*upstream.Upstream, error) { return upstream.New(s) })
	if err != nil {
		return nil, nil, err
	}
	w.Health, err = take(a.live.health, h, config.Identity(string(key[:]), settings), func() (*health.Upstream, error) {
		return health.New(settings, u.Ping), nil
	})
	return u, w, err
}

// An embedded is the simulator of upstreams that have no other.
type embedded struct {
	server *listen.Server
	served chan struct{} // closed when it has ended
}

// embed starts a simulator, on this machine alone.
func (a *App) embed() (*embedded, error) {
	server, err := listen.Listen(context.Background(), listen.Settings{Address: "127.0.0.1:0"}, simulator.New(simulator.Options{Records: -1}), a.log)
	if err != nil {
		return nil, fmt.Errorf("starting the simulator: %w", err)
	}
	e := &embedded{server: server, served: make(chan struct{})}
	go func() {
		defer close(e.served)
		_ = server.Serve() // nobody is left who could call it
	}()
	return e, nil
}

func (e *embedded) url() string { return "http://" + e.server.Addr().String() }

// close ends the simulator. Nobody is left who could call it.
func (e *embedded) close() {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	_ = e.server.Drain(gone, gateway.ErrShutdown, drainGrace)
	<-e.served
}
