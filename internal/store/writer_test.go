package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/pin"
	"github.com/weir-gateway/weir/internal/responsestore"
	"github.com/weir-gateway/weir/internal/store"
)

// writesTo names the folder that this program writes to until it is killed, if
// it is set.
const writesTo = "WEIR_TEST_WRITES_TO"

func response(id string) *responsestore.Row {
	now := time.Now()
	return &responsestore.Row{
		Tenant: "red", ID: id, Created: now, Expires: now.Add(time.Hour),
		Items: []string{"item_" + id}, Data: []byte(strings.Repeat(id, 100)),
	}
}

func put(t *testing.T, db *store.DB, id string) {
	t.Helper()
	if err := db.Responses().Put(t.Context(), response(id), responsestore.Quota{}); err != nil {
		t.Fatalf("Put(%s) = %v", id, err)
	}
}

func runTable(t *testing.T, table *pin.Table) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		table.Run(ctx, context.Background(), func(err error) { t.Errorf("the backend has failed: %v", err) })
	})
	return func() { cancel(); wg.Wait() }
}

// writeUntilKilled writes from many sides and says of each row that it is there,
// and of none before.
func writeUntilKilled(dir string) {
	db, err := store.Open(context.Background(), dir, store.Options{Root: root(new(testing.T), "one")})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for g := range 16 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("r_%d_%d", g, i)
				if err := db.Responses().Put(context.Background(), response(id), responsestore.Quota{}); err != nil {
					fmt.Println("error", err)
				}
				fmt.Println(id)
			}
		}()
	}
	select {}
}

// TestKilled: what Put has returned for is there after the process was killed in
// the middle of writing, several times over, and the file is whole.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	var there []string
	for round := range 3 {
		there = append(there, writeAndKill(t, dir, 200*(round+1))...)
		db := open(t, dir)
		for _, id := range there {
			row, err := db.Responses().Get(t.Context(), "red", id)
			if err != nil || string(row.Data) != strings.Repeat(id, 100) {
				t.Fatalf("round %d: Get(%s) = %v", round, id, err)
			}
			if row, err := db.Responses().WithItem(t.Context(), "red", "item_"+id); err != nil || row.ID != id {
				t.Fatalf("round %d: WithItem(%s) = %v", round, id, err)
			}
		}
		closeDB(t, db)
		execute(t, dir+"/"+store.FileName, "DELETE FROM responses") // the ids come again
		there = nil
	}
}

// writeAndKill returns the ids that were told before the end.
func writeAndKill(t *testing.T, dir string, lines int) (ids []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), writesTo+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told := bufio.NewScanner(out)
	for told.Scan() {
		if strings.HasPrefix(told.Text(), "error") {
			t.Fatal(told.Text())
		}
		if ids = append(ids, told.Text()); len(ids) == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(ids) < lines {
		t.Fatalf("it ended by itself after %d lines: %v", len(ids), err)
	}
	return ids
}

// TestGroupCommit: many who wait at once share a few transactions.
func TestGroupCommit(t *testing.T) {
	db := open(t, t.TempDir())
	defer closeDB(t, db)
	batches := db.Batches()
	const writers, each = 64, 10
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			for i := range each {
				put(t, db, fmt.Sprintf("r_%d_%d", g, i))
			}
		})
	}
	wg.Wait()
	if got := batches(); got > writers*each/4 {
		t.Errorf("%d writes took %d transactions", writers*each, got)
	}
}

// TestFailureIsAlone: a write that fails takes none of the others with it.
func TestFailureIsAlone(t *testing.T) {
	db := open(t, t.TempDir())
	defer closeDB(t, db)
	put(t, db, "there")
	failed := errors.New("on purpose")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if err := db.PutAndFail(t.Context(), pin.Key{byte(i)}, failed); !errors.Is(err, failed) {
				t.Errorf("PutAndFail = %v", err)
			}
			id, want := fmt.Sprint("r_", i), error(nil)
			if i%3 == 0 {
				id, want = "there", responsestore.ErrExists
			}
			if err := db.Responses().Put(t.Context(), response(id), responsestore.Quota{}); !errors.Is(err, want) {
				t.Errorf("Put(%s) = %v, want %v", id, err, want)
			}
		})
	}
	wg.Wait()
	for i := range 200 {
		if _, err := db.Responses().Get(t.Context(), "red", fmt.Sprint("r_", i)); (err == nil) == (i%3 == 0) {
			t.Errorf("Get(r_%d) = %v", i, err)
		}
		if _, ok, err := db.Pins().Load(t.Context(), pin.Key{byte(i)}); ok || err != nil {
			t.Errorf("a write that has failed has left something: %v", err)
		}
	}
}

// TestWaitIsBounded: who waits for the disk no longer than its context says.
func TestWaitIsBounded(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	defer closeDB(t, db)
	free := block(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 500 { // more than may wait
		wg.Go(func() {
			err := db.Responses().Put(ctx, response(fmt.Sprint("r_", i)), responsestore.Quota{})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Put = %v, want context.DeadlineExceeded", err)
			}
		})
	}
	wg.Wait()
	if _, err := db.Responses().Get(t.Context(), "red", "r_1"); !errors.Is(err, responsestore.ErrNotFound) {
		t.Errorf("readers wait for the writer, or it has written: %v", err)
	}
	free()
	put(t, db, "after")
}

// block holds the lock that a writer needs, as somebody does who looks into the
// file with a tool.
func block(t *testing.T, dir string) (free func()) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, store.FileName)+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	for _, writers := range []int{1, 16, 256} {
		b.Run(fmt.Sprint("writers=", writers), func(b *testing.B) {
			db, err := store.Open(b.Context(), b.TempDir(), store.Options{Root: root(new(testing.T), "one")})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			ids := make(chan int)
			batches := db.Batches()
			var wg sync.WaitGroup
			for range writers {
				wg.Go(func() {
					for i := range ids {
						row := response(fmt.Sprint("r_", i))
						row.Data = make([]byte, 4<<10)
						if err := db.Responses().Put(context.Background(), row, responsestore.Quota{Bytes: 1 << 30}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ResetTimer()
			for i := range b.N {
				ids <- i
			}
			close(ids)
			wg.Wait()
			b.ReportMetric(float64(b.N)/float64(batches()), "writes/flush")
		})
	}
}
