package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/pin"
)

func row(n byte, expires time.Duration) pin.Row {
	return pin.Row{
		Key: pin.Key{n}, Pin: pin.Pin{Upstream: "up", Model: "m", Caller: pin.Identity{n}},
		Expires: time.Now().Add(expires).Truncate(time.Millisecond),
	}
}

func TestPins(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	one, two, over := row(1, time.Hour), row(2, 2*time.Hour), row(3, -time.Second)
	nobody := row(0, time.Hour)
	err := db.Pins().Apply(t.Context(), []pin.Change{
		{Row: row(1, time.Minute)}, {Row: two}, {Row: one}, {Row: pin.Row{Key: two.Key}, Gone: true}, {Row: over}, {Row: nobody},
	})
	if err != nil {
		t.Fatal(err)
	}
	closeDB(t, db)
	db = open(t, dir)
	defer closeDB(t, db)
	for _, tt := range []struct {
		key  pin.Key
		want pin.Row
		ok   bool
	}{{one.Key, one, true}, {two.Key, two, false}, {over.Key, over, false}, {nobody.Key, nobody, true}, {pin.Key{9}, one, false}} {
		got, ok, err := db.Pins().Load(t.Context(), tt.key)
		if err != nil || ok != tt.ok || ok && (got.Key != tt.want.Key || got.Pin != tt.want.Pin || !got.Expires.Equal(tt.want.Expires)) {
			t.Errorf("Load(%x) = %+v, %v, %v, want %+v, %v", tt.key, got, ok, err, tt.want, tt.ok)
		}
	}
}

func TestPinsArePurged(t *testing.T) {
	db := open(t, t.TempDir())
	defer closeDB(t, db)
	var changes []pin.Change
	for i := range 30 {
		changes = append(changes, pin.Change{Row: row(byte(i), time.Duration(i-9)*time.Minute)}) // 10 have expired
	}
	pins := db.PinsFor(15)
	if err := pins.Apply(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	var got []int
	for range 5 {
		n, err := pins.Purge(t.Context(), 6)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if fmt.Sprint(got) != "[6 4 5 0 0]" {
		t.Errorf("Purge: %v, want six and four that have expired, and five that are too many", got)
	}
	for i := range 30 {
		if _, ok, err := pins.Load(t.Context(), pin.Key{byte(i)}); ok != (i >= 15) || err != nil {
			t.Errorf("pin %d is there: %v, %v", i, ok, err)
		}
	}
}

// TestTable: the table of package pin over it.
func TestTable(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		db := open(t, dir)
		table := pin.NewKeyed(0, [32]byte{1})
		table.Keep(db.Pins())
		stop := runTable(t, table)
		if p, ok, err := table.Find(t.Context(), "red", pin.Identity{}, "resp_1"); ok != (i > 0) || err != nil || ok && p.Upstream != "up" {
			t.Errorf("start %d: Find = %+v, %v, %v", i, p, ok, err)
		}
		if i == 0 {
			table.Note("red", "resp_1", pin.Pin{Upstream: "up"})
		}
		stop()
		closeDB(t, db)
	}
}
