package app

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/auth"
	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
	"github.com/weir-gateway/weir/internal/route/rule"
	"github.com/weir-gateway/weir/internal/upstream"
)

// buildSnapshot turns a configuration into what an exchange needs. What lives
// in it is shared with the snapshots of other configurations that say the same
// of it, and kept until the snapshot's Release. It calls nobody.
func (a *App) buildSnapshot(cfg *config.Config) (*gateway.Snapshot, error) {
	var held holds
	s := &gateway.Snapshot{
		Release:   held.release,
		Keys:      auth.New(keys(cfg.Keys)),
		Upstreams: make(map[string]*upstream.Upstream, len(cfg.Upstreams)),
		Watches:   make(gateway.Watches, len(cfg.Upstreams)),
		Hosts:     cfg.Listen.Hosts,
		BodyLimit: cfg.Listen.BodyLimit, BodyMemory: cfg.Listen.BodyMemory,
		OneTenant: cfg.OneTenant(),
	}
	for _, origin := range cfg.CORS.Origins {
		s.Origins = append(s.Origins, strings.ToLower(origin))
	}
	for _, u := range cfg.Upstreams {
		if u.UnknownIDs == config.UnknownForward {
			s.Forwards = append(s.Forwards, u.Name)
		}
		for _, glob := range u.PassthroughPaths {
			s.Passages = append(s.Passages, gateway.Passage{Glob: gateway.Glob(glob), Upstream: u.Name})
		}
	}
	if cfg.Routing.Header != "" {
		s.RouteHeader = textproto.CanonicalMIMEHeaderKey(cfg.Routing.Header)
	}
	var faults []error
	for _, c := range cfg.Upstreams {
		u, w, err := a.upstream(c, &held)
		if err != nil {
			faults = append(faults, fmt.Errorf("upstream %s: %w", c.Name, err))
			continue
		}
		s.Upstreams[c.Name], s.Watches[c.Name] = u, w
	}
	if len(faults) > 0 {
		held.release()
		return nil, errors.Join(faults...)
	}
	if t := cfg.Transparent; t.Upstream != "" {
		s.Transparent = &gateway.Transparent{Upstream: s.Upstreams[t.Upstream], Prefix: t.Prefix, Apart: t.Address != ""}
	}
	l := &lanes{upstreams: make(map[string]*config.Upstream, len(cfg.Upstreams))}
	for i := range cfg.Upstreams {
		l.upstreams[cfg.Upstreams[i].Name] = &cfg.Upstreams[i]
	}
	s.Routes = route.New(models(cfg.Models, s.Upstreams, l), direct(cfg.Upstreams, s.Upstreams, l)...)
	ruled, err := rules(cfg.Routing, s.Upstreams, l)
	if err != nil {
		return nil, err
	}
	s.Routes.WithRules(ruled)
	s.Profiles = l.profiles
	return s, nil
}

func keys(cfg []config.Key) []auth.Key {
	var out []auth.Key
	for _, k := range cfg {
		out = append(out, auth.Key{
			Name: k.Name, Tenant: k.Tenant, Secret: k.Secret.Reveal(), Models: patterns(k.Models), Disabled: k.Disabled,
			Strict: k.Strict, Explain: k.Explain, RefuseHosted: k.HostedTools == config.HostedRefuse,
			KeepNothing: k.Store == config.StoreNever,
			Routing: auth.Routing{
				Roles: k.Roles, Metadata: k.Metadata, Prefer: string(k.Prefer), Labels: labels(k.Labels),
				Choices: k.MayChoose, Restricted: k.MayChooseGiven,
			},
		})
	}
	return out
}

func patterns(names []string) []llm.Pattern {
	var out []llm.Pattern
	for _, n := range names {
		out = append(out, llm.Pattern(n))
	}
	return out
}

func models(cfg []config.Model, upstreams map[string]*upstream.Upstream, l *lanes) []route.Model {
	var out []route.Model
	for _, m := range cfg {
		out = append(out, route.Model{
			Name: llm.Pattern(m.Name), Prefer: route.Prefer(m.Prefer), Targets: targets(m.Targets, upstreams, l),
		})
	}
	return out
}

func targets(cfg []config.Target, upstreams map[string]*upstream.Upstream, l *lanes) []route.Target {
	var out []route.Target
	for i := range cfg {
		t := &cfg[i]
		target := route.Target{
			Upstream:      t.Upstream,
			Model:         t.Model,
			Strip:         t.Strip,
			Serves:        serves(upstreams[t.Upstream]),
			NoStreamUsage: !t.StreamUsage,
			Priority:      t.Priority,
			Weight:        t.Weight,
			Quality:       t.Quality,
			Price:         route.Price{Known: t.Price.Given, Input: int64(t.Price.Input), Output: int64(t.Price.Output)},
			Labels:        t.Labels,
			MaxInFlight:   t.MaxInFlight,
			SpillAt:       float64(t.SpillAt) / 100,
		}
		l.add(&target, t)
		out = append(out, target)
	}
	return out
}

// rules compiles the rules of a configuration, which has been checked.
func rules(cfg config.Routing, upstreams map[string]*upstream.Upstream, l *lanes) ([]route.Rule, error) {
	zone, err := time.LoadLocation(cfg.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("routing.timezone: %w", err)
	}
	var out []route.Rule
	for i := range cfg.Rules {
		r := &cfg.Rules[i]
		rr := route.Rule{
			Name: cmp.Or(r.Name, fmt.Sprintf("rules[%d]", i)), Use: r.Use, Reject: r.Reject, Targets: targets(r.Targets, upstreams, l),
			MaxOutput: int64(r.MaxOutput), Prefer: route.Prefer(r.Prefer), Demands: labels(r.Labels),
		}
		if r.When != "" {
			if rr.When, err = rule.Compile(r.When, rule.Options{Headers: cfg.Headers, Zone: zone}); err != nil {
				return nil, fmt.Errorf("routing.%s.when: %w", rr.Name, err)
			}
		}
		out = append(out, rr)
	}
	return out, nil
}

func labels(all map[string]string) []llm.Label {
	var out []llm.Label
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, llm.Label{Name: name, Value: all[name]})
	}
	return out
}

// direct returns each upstream as the target of whatever name it is sent.
func direct(cfg []config.Upstream, upstreams map[string]*upstream.Upstream, l *lanes) []route.Target {
	var out []route.Target
	for i := range cfg {
		target := route.Target{
			Upstream: cfg[i].Name, Serves: serves(upstreams[cfg[i].Name]), NoStreamUsage: cfg[i].RefusesStreamUsage(),
		}
		l.add(&target, &config.Target{Upstream: cfg[i].Name, StreamUsage: !target.NoStreamUsage})
		out = append(out, target)
	}
	return out
}

// operations are those that an upstream may be asked for.
var operations = []llm.Operation{ // immutable
	llm.OpChat, llm.OpCompletions, llm.OpResponses, llm.OpInputTokens, llm.OpCompact, llm.OpEmbeddings, llm.OpMessages, llm.OpCountTokens, llm.OpModerations,
	llm.OpImageGeneration, llm.OpImageEdit, llm.OpImageVariation, llm.OpSpeech, llm.OpTranscription, llm.OpTranslation,
	llm.OpRealtime, llm.OpOllamaChat,
}

func serves(u *upstream.Upstream) []llm.Operation {
	var ops []llm.Operation
	for _, op := range operations {
		if u.Serves(op) {
			ops = append(ops, op)
		}
	}
	return ops
}

// settings returns what defines the upstream of a configuration, but for the
// certificates that it trusts.
func (a *App) settings(c config.Upstream) upstream.Settings {
	s := upstream.Settings{
		Name:       c.Name,
		Kind:       upstream.Kind(c.Kind),
		Endpoint:   c.Endpoint,
		API:        string(c.API),
		APIVersion: c.APIVersion,
		Routes:     ownPaths(&c),
		Auth:       credential(c.Auth),
		Timeouts: upstream.Timeouts{
			Connect: c.Timeouts.Connect, FirstByte: c.Timeouts.FirstByte, Idle: c.Timeouts.Idle,
			Total: c.Timeouts.Total, StreamTotal: c.Timeouts.StreamTotal,
		},
		Pool: upstream.Pool{
			Connections: c.Pool.Connections, Idle: c.Pool.Idle, KeepAlive: c.Pool.KeepAlive, Header: c.Pool.HeaderTimeout,
		},
		InsecureSkipVerify: c.InsecureSkipVerify,
	}
	if a.trace != nil {
		s.Sending = a.trace.Sending
	}
	for name, value := range c.Headers {
		if s.Headers == nil {
			s.Headers = make(map[string]string, len(c.Headers))
		}
		s.Headers[name] = value.Reveal()
	}
	return s
}

func credential(c config.Auth) upstream.Auth {
	switch c.Method {
	case config.AuthAPIKey:
		return upstream.Auth{Mode: upstream.AuthAPIKey, Secret: c.APIKey.Reveal()}
	case config.AuthBearer:
		return upstream.Auth{Mode: upstream.AuthBearer, Secret: c.Bearer.Reveal()}
	case config.AuthPassthrough:
		return upstream.Auth{Mode: upstream.AuthPassthrough}
	default:
		return upstream.Auth{Mode: upstream.AuthNone}
	}
}
