package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/weir-gateway/weir/bench/internal/load"
	"github.com/weir-gateway/weir/bench/internal/mock"
	"github.com/weir-gateway/weir/bench/internal/stats"
)

// A lane is a way of an exchange through a gateway: the client's protocol, and
// the one that the upstream is asked in.
type lane struct {
	name  string // of the pair; in keys and titles
	path  string // the client's
	model string

	body     func(messages, model string) string // a request of these messages
	want     load.Want
	protocol *load.Protocol

	usage bool // the upstream is asked for a stream's usage
}

// lanes returns the express lane, which the others are compared to, and the
// others.
func lanes() []lane {
	text := mock.Text()
	return []lane{
		{
			name: "express", path: mock.Path, model: askedModel, body: chatBody,
			want: load.Exactly(mock.Answer()), protocol: load.Chat, usage: true,
		}, {
			name: "responses → chat", path: mock.ResponsesPath, model: askedModel + "-chat", body: responsesBody,
			want: load.Holding(text, `"status":"completed"`, `"total_tokens":294`), protocol: load.Responses, usage: true,
		}, {
			name: "messages → chat", path: "/v1/messages", model: askedModel + "-chat", body: messagesBody,
			want: load.Holding(text, `"stop_reason":"end_turn"`, `"output_tokens":64`), protocol: load.Messages, usage: true,
		}, {
			name: "chat → responses", path: mock.Path, model: askedModel + "-responses", body: chatBody,
			want: load.Holding(text, `"finish_reason":"stop"`, `"total_tokens":294`), protocol: load.AnyChat,
		},
	}
}

func chatBody(messages, model string) string {
	return `{"messages":[{"role":"system","content":"You are terse."}` + messages + `],"temperature":0.2,"model":"` + model + `"}`
}

func responsesBody(messages, model string) string {
	return `{"instructions":"You are terse.","input":[` + strings.TrimPrefix(messages, ",") + `],"temperature":0.2,"store":false,"model":"` + model + `"}`
}

func messagesBody(messages, model string) string {
	return `{"system":"You are terse.","max_tokens":4096,"messages":[` + strings.TrimPrefix(messages, ",") + `],"temperature":0.2,"model":"` + model + `"}`
}

// whole returns a request of about size bytes for a whole answer.
func (l lane) whole(addr string, size int) load.Request {
	return load.NewRequest(addr, l.path, clientKey, []byte(l.body(turns(size-len(l.body("", l.model))), l.model)))
}

// stream returns a request for st.
func (l lane) stream(addr string, st mock.Stream) load.Request {
	message := fmt.Sprintf(`,{"role":"user","content":"%s %s"}`, st.Prompt(), strings.Repeat("and so on ", 80))
	body := strings.Replace(l.body(message, l.model), `"temperature":0.2`, `"temperature":0.2,"stream":true`, 1)
	return load.NewRequest(addr, l.path, clientKey, []byte(body))
}

// served returns what the mock must have served for that many whole answers
// and streams.
func (l lane) served(s mock.Served) mock.Served {
	s.Renamed = s.Answers + s.Streams
	if l.usage {
		s.Usage = s.Streams
	}
	return s
}

// laneRequests returns a task that measures whole answers in every lane, one
// after the other: requests of about size bytes.
func laneRequests(key string, conns, size int) func(context.Context, *bench, *instance) (sample, error) {
	return func(ctx context.Context, b *bench, in *instance) (sample, error) {
		out := sample{}
		for _, l := range lanes() {
			m, err := b.lane(ctx, in, l, conns, size)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.name, err)
			}
			out[key+" "+l.name] = micros(m.cpu) / float64(m.n)
		}
		return out, nil
	}
}

// lane measures a closed loop in one lane.
func (b *bench) lane(ctx context.Context, in *instance, l lane, conns, size int) (meter, error) {
	pool, err := load.Dial(ctx, in.addr, conns)
	if err != nil {
		return meter{}, err
	}
	defer pool.Close()
	req := l.whole(in.addr, size)
	if _, err := pool.Closed(ctx, b.scale.warm, req, l.want); err != nil {
		return meter{}, err
	}
	before := b.mock.Served()
	m, err := measure(in, func() (int64, error) { return pool.Closed(ctx, b.scale.whole, req, l.want) })
	if err != nil {
		return meter{}, err
	}
	return m, b.checkLane(before, l.served(mock.Served{Answers: m.n}))
}

// laneEvents measures streams with a steady flow of events in every lane.
func laneEvents(ctx context.Context, b *bench, in *instance) (sample, error) {
	out := sample{}
	for _, l := range lanes() {
		v, err := b.laneEvents(ctx, in, l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		out["lane event "+l.name] = v
	}
	return out, nil
}

func (b *bench) laneEvents(ctx context.Context, in *instance, l lane) (float64, error) {
	s := b.scale
	pool, err := load.Dial(ctx, in.addr, s.streams)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	one := mock.Stream{Events: 1, Size: s.eventSize, Every: s.every}
	if err := pool.Streams(ctx, l.stream(in.addr, one), l.protocol, 1, s.every); err != nil {
		return 0, err
	}
	all := mock.Stream{Events: s.events, Size: s.eventSize, Every: s.every}
	want := mock.Served{Streams: int64(s.streams), Events: int64(s.streams * s.events)}
	before := b.mock.Served()
	m, err := measure(in, func() (int64, error) {
		return want.Events, pool.Streams(ctx, l.stream(in.addr, all), l.protocol, s.events, s.every)
	})
	if err != nil {
		return 0, err
	}
	return micros(m.cpu) / float64(m.n), b.checkLane(before, l.served(want))
}

func (b *bench) checkLane(before, want mock.Served) error {
	if got := b.mock.Served().Minus(before); got != want {
		return fmt.Errorf("the upstream served %+v, want %+v", got, want)
	}
	return nil
}

// laneFigures returns the rows that compare every lane with the express lane.
func laneFigures() []figure {
	var out []figure
	for _, l := range lanes()[1:] {
		for _, row := range []struct {
			key, title string
			bound      float64
		}{
			{"lane 1k", "CPU per request of 1 KiB", 1.6},
			{"lane event", "CPU per event", 2.0},
			{"lane 2m", "CPU per request of 2 MiB", 0},
		} {
			out = append(out, figure{
				key: row.key + " " + l.name, title: l.name + ": " + row.title + ", to the express lane", unit: "×", digits: 2,
				alone: true, itself: row.bound, gateways: true,
				of: func(b *bench, peer string) []float64 {
					return stats.Ratios(b.taken(row.key+" "+l.name, peer), b.taken(row.key+" express", peer))
				},
			})
		}
	}
	return out
}
