package health_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weir-gateway/weir/internal/health"
	"github.com/weir-gateway/weir/internal/llm"
)

func wantBusy(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*llm.Error](err)
	if !ok || e.Code != llm.CodeUpstreamBusy || e.Status() != 429 {
		t.Fatalf("error = %v, want %s", err, llm.CodeUpstreamBusy)
	}
	if e.RetryAfter < time.Second || e.RetryAfter > time.Minute || e.RetryAfter%time.Second != 0 {
		t.Errorf("RetryAfter = %v, want whole seconds within a minute", e.RetryAfter)
	}
}

func wantLoad(t *testing.T, u *health.Upstream, taken, waiting int) {
	t.Helper()
	if gotTaken, _, gotWaiting := u.Load(); gotTaken != taken || gotWaiting != waiting {
		t.Errorf("%d places taken and %d waiting, want %d and %d", gotTaken, gotWaiting, taken, waiting)
	}
}

func TestPlacesWithoutBound(t *testing.T) {
	u := health.New(health.Settings{}, nil)
	for range 1000 {
		if _, ok := u.TryEnter(); !ok {
			t.Fatal("no place, although there is no bound")
		}
	}
	wantLoad(t, u, 1000, 0)
}

func TestPlacesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := health.New(health.Settings{InFlight: 2, Queue: 1, Wait: 5 * time.Second}, nil)
		one, err := u.Enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		two, ok := u.TryEnter()
		if !ok {
			t.Fatal("no second place")
		}
		if _, ok := u.TryEnter(); ok {
			t.Fatal("a third place of two")
		}
		start := time.Now()
		_, err = u.Enter(t.Context(), "a")
		wantBusy(t, err)
		if waited := time.Since(start); waited != 5*time.Second {
			t.Errorf("waited %v, want 5s", waited)
		}
		got := make(chan error, 1)
		go func() {
			leave, err := u.Enter(t.Context(), "a")
			if err == nil {
				leave()
			}
			got <- err
		}()
		synctest.Wait()
		wantLoad(t, u, 2, 1)
		_, err = u.Enter(t.Context(), "a") // the queue is full
		wantBusy(t, err)
		one()
		one() // only the first call counts
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		two()
		wantLoad(t, u, 0, 0)
	})
}

func TestPlacesAreFairAmongTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := health.New(health.Settings{InFlight: 1, Queue: 100, Wait: time.Hour}, nil)
		leave, _ := u.TryEnter()
		var order []string
		for i := range 5 {
			wait(t, u, "crowd", &order)
			if i == 3 {
				wait(t, u, "one", &order)
				wait(t, u, "two", &order)
				wait(t, u, "two", &order)
			}
		}
		leave()
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []string{"crowd", "one", "two", "crowd", "two", "crowd", "crowd", "crowd"}
		if !slices.Equal(order, want) {
			t.Errorf("order = %v, want %v", order, want)
		}
		wantLoad(t, u, 0, 0)
	})
}

// wait lets somebody of a tenant wait for a place, and keep it for a second.
func wait(t *testing.T, u *health.Upstream, tenant string, order *[]string) {
	t.Helper()
	go func() {
		leave, err := u.Enter(t.Context(), tenant)
		if err != nil {
			*order = append(*order, tenant+" refused")
			return
		}
		*order = append(*order, tenant)
		<-time.After(time.Second)
		leave()
	}()
	synctest.Wait()
}

func TestAFullQueueIsSharedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := health.New(health.Settings{InFlight: 1, Queue: 4, Wait: time.Hour}, nil)
		leave, _ := u.TryEnter()
		var order []string
		for range 4 {
			wait(t, u, "crowd", &order)
		}
		_, err := u.Enter(t.Context(), "crowd") // nobody of its own makes room
		wantBusy(t, err)
		wait(t, u, "one", &order)
		wait(t, u, "one", &order)
		if want := []string{"crowd refused", "crowd refused"}; !slices.Equal(order, want) {
			t.Fatalf("order = %v, want %v", order, want)
		}
		_, err = u.Enter(t.Context(), "one") // two each
		wantBusy(t, err)
		leave()
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []string{"crowd refused", "crowd refused", "crowd", "one", "crowd", "one"}
		if !slices.Equal(order, want) {
			t.Errorf("order = %v, want %v", order, want)
		}
		wantLoad(t, u, 0, 0)
	})
}

func TestWhoeverLeavesTheQueueLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := health.New(health.Settings{InFlight: 3, Queue: 50, Wait: time.Minute}, nil)
		var done atomic.Int32
		for i := range 200 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%7)*300*time.Millisecond)
			go func() {
				defer cancel()
				leave, err := u.Enter(ctx, strconv.Itoa(i%5))
				if err == nil {
					time.Sleep(time.Duration(i%4) * 100 * time.Millisecond)
					leave()
					done.Add(1)
				}
			}()
		}
		time.Sleep(2 * time.Minute)
		wantLoad(t, u, 0, 0)
		if n := done.Load(); n < 10 {
			t.Errorf("%d had a place, want more", n)
		}
		for range 3 {
			if _, ok := u.TryEnter(); !ok {
				t.Fatal("a place was lost")
			}
		}
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := health.New(health.Settings{InFlight: 1, Queue: 5, Wait: time.Minute}, nil)
		_, _ = u.TryEnter()
		ours := &llm.Error{Code: llm.CodeShuttingDown}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(ours) })
		if _, err := u.Enter(ctx, "a"); !errors.Is(err, ours) {
			t.Errorf("error = %v, want the context's cause", err)
		}
		gone, cancelPlain := context.WithCancel(t.Context())
		cancelPlain()
		if _, err := u.Enter(gone, "a"); llm.AsError(err).Code != llm.CodeClientClosed {
			t.Errorf("error = %v, want %s", err, llm.CodeClientClosed)
		}
		wantLoad(t, u, 1, 0)
	})
}

func TestRetryAfterFollowsThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := health.New(health.Settings{InFlight: 1}, nil)
		leave, _ := u.TryEnter()
		time.Sleep(20 * time.Second)
		leave()
		_, _ = u.TryEnter()
		_, err := u.Enter(t.Context(), "a")
		if got := llm.AsError(err).RetryAfter; got != 20*time.Second {
			t.Errorf("RetryAfter = %v, want 20s", got)
		}
	})
}

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := health.New(health.Settings{Budget: 10}, nil)
		take := func() (n int) {
			for u.TakeTry() {
				n++
			}
			return n
		}
		if n := take(); n != 10 {
			t.Errorf("%d tries at the start, want the floor of 10", n)
		}
		for range 200 {
			u.Asked()
		}
		if n := take(); n != 20 {
			t.Errorf("%d tries after 200 requests, want 20", n)
		}
		time.Sleep(3 * time.Second)
		if n := take(); n != 3 {
			t.Errorf("%d tries after three seconds, want 3", n)
		}
		time.Sleep(time.Hour)
		if n := take(); n != 10 {
			t.Errorf("%d tries after an hour, want the floor of 10", n)
		}
		for range 100_000 {
			u.Asked()
		}
		if n := take(); n != 100 {
			t.Errorf("%d tries saved up, want 100", n)
		}
	})
}

func TestChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var answer error
		asked := 0
		become := func(err error) { mu.Lock(); defer mu.Unlock(); answer = err }
		s := usual
		s.Every, s.Timeout = time.Minute, 5*time.Second
		u := health.New(s, func(ctx context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			asked++
			if at, ok := ctx.Deadline(); !ok || time.Until(at) != s.Timeout {
				t.Errorf("deadline %v, want in %v", at, s.Timeout)
			}
			return answer
		})
		target := u.Target("m")
		synctest.Wait()
		wantLevel(t, target, health.Up)
		become(errors.New("connection refused"))
		time.Sleep(s.Every)
		synctest.Wait()
		wantLevel(t, target, health.Up) // one is none
		time.Sleep(s.Every)
		synctest.Wait()
		wantLevel(t, target, health.Out)
		if target.TryBegin() != nil || u.Down() == "" {
			t.Error("an upstream that does not answer checks is used")
		}
		target.Begin().End(health.Good)
		wantLevel(t, target, health.Out) // the next check decides
		run(target, health.Bad, health.Bad, health.Bad)
		become(nil)
		time.Sleep(s.Every)
		synctest.Wait()
		if s := target.State(); s.Level == health.Out || u.Down() != "" {
			t.Errorf("the upstream answers again, and its target is %+v", s)
		}
		u.Close()
		if asked != 4 {
			t.Errorf("asked %d times, want 4", asked)
		}
	})
}
