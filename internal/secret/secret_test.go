package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// of returns a secret whose bytes count up from first.
func of(first byte) []byte {
	b := make([]byte, Size)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func text(first byte) string { return base64.StdEncoding.EncodeToString(of(first)) }

func must(t testing.TB, s string) *Root {
	t.Helper()
	r, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParse(t *testing.T) {
	url := base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xfb, 0xff}, 16))
	for _, tt := range []struct {
		name, text string
		secrets    int
		err        string
	}{
		{"one", text(1), 1, ""},
		{"a line end", text(1) + "\r\n", 1, ""},
		{"without padding", strings.TrimRight(text(1), "="), 1, ""},
		{"the other alphabet", url, 1, ""},
		{"a list", text(1) + "," + text(2) + " , \n" + text(3), 3, ""},
		{"nothing", " ,\n", 0, "there is no secret"},
		{"no base64", text(1) + ",made-up!", 0, "secret 2 of 2 is no base64"},
		{"too short", "AAAA", 0, "secret 1 of 1 is 3 bytes long, and not 32"},
		{"too long", base64.StdEncoding.EncodeToString(make([]byte, 33)), 0, "33 bytes long"},
		{"left to fill in", base64.StdEncoding.EncodeToString(make([]byte, 32)), 0, "again and again"},
		{"too many", strings.Repeat(text(1)+" ", 17), 0, "more than 16"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Parse(tt.text)
			switch {
			case tt.err == "" && err != nil:
				t.Fatal(err)
			case tt.err == "":
				if n := len(r.reveal()); n != tt.secrets {
					t.Errorf("%d secrets, want %d", n, tt.secrets)
				}
			case err == nil || !strings.Contains(err.Error(), tt.err):
				t.Errorf("error %v, want %q in it", err, tt.err)
			case strings.Contains(err.Error(), "made-up"):
				t.Errorf("the error says what was given: %v", err)
			}
		})
	}
}

func TestSealAndOpen(t *testing.T) {
	r := must(t, text(1))
	box := r.Box("reasoning")
	sealed := box.Seal([]byte("before"), []byte("what was thought"), []byte("tenant a"))
	if !bytes.HasPrefix(sealed, []byte("before")) {
		t.Fatalf("Seal does not append: %q", sealed)
	}
	sealed = sealed[len("before"):]
	if len(sealed) != Overhead+len("what was thought") || bytes.Contains(sealed, []byte("thought")) {
		t.Errorf("sealed is %q of %d bytes", sealed, len(sealed))
	}
	if got, err := box.Open([]byte("x"), sealed, []byte("tenant a")); err != nil || string(got) != "xwhat was thought" {
		t.Errorf("Open = %q, %v", got, err)
	}
	if bytes.Equal(sealed, box.Seal(nil, []byte("what was thought"), []byte("tenant a"))) {
		t.Error("the same text is sealed the same way twice")
	}
	if got, err := box.Open(nil, box.Seal(nil, nil, nil), nil); err != nil || len(got) != 0 {
		t.Errorf("nothing, sealed, is %q, %v", got, err)
	}
	for name, try := range map[string]func() ([]byte, error){
		"another tenant":  func() ([]byte, error) { return box.Open(nil, sealed, []byte("tenant b")) },
		"no tenant":       func() ([]byte, error) { return box.Open(nil, sealed, nil) },
		"another purpose": func() ([]byte, error) { return r.Box("responses").Open(nil, sealed, []byte("tenant a")) },
		"another root":    func() ([]byte, error) { return Random().Box("reasoning").Open(nil, sealed, []byte("tenant a")) },
		"more behind it":  func() ([]byte, error) { return box.Open(nil, append(bytes.Clone(sealed), 0), []byte("tenant a")) },
		"nothing":         func() ([]byte, error) { return box.Open(nil, nil, []byte("tenant a")) },
	} {
		if got, err := try(); !errors.Is(err, ErrSealed) || err.Error() != ErrSealed.Error() || got != nil {
			t.Errorf("%s: %q, %v; want ErrSealed", name, got, err)
		}
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x10
		if _, err := box.Open(nil, bad, []byte("tenant a")); !errors.Is(err, ErrSealed) {
			t.Errorf("byte %d changed: %v, want ErrSealed", i, err)
		}
		if _, err := box.Open(nil, sealed[:i], []byte("tenant a")); !errors.Is(err, ErrSealed) {
			t.Errorf("cut at byte %d: %v, want ErrSealed", i, err)
		}
	}
}

// TestRotation: a new secret seals, an old one opens as long as it is in the
// list.
func TestRotation(t *testing.T) {
	old := must(t, text(1)).Box("p")
	both := must(t, text(50)+","+text(1)).Box("p")
	young := must(t, text(50)).Box("p")
	sealed := old.Seal(nil, []byte("x"), nil)
	if got, err := both.Open(nil, sealed, nil); err != nil || string(got) != "x" {
		t.Errorf("the old secret does not open any more: %q, %v", got, err)
	}
	if _, err := young.Open(nil, sealed, nil); !errors.Is(err, ErrSealed) {
		t.Errorf("without the old secret: %v, want ErrSealed", err)
	}
	again := both.Seal(nil, []byte("y"), nil)
	if _, err := young.Open(nil, again, nil); err != nil {
		t.Errorf("it was not the first of the list that has sealed: %v", err)
	}
	if _, err := old.Open(nil, again, nil); !errors.Is(err, ErrSealed) {
		t.Errorf("the old secret opens what the new one has sealed: %v", err)
	}
}

// kept was sealed once and for all: "kept", for reasoning of the tenant
// "tenant".
func kept(t testing.TB) []byte {
	t.Helper()
	sealed, err := hex.DecodeString("0168cd91b1b7bb2942a205eb8c71a38eddb8b0e4909131bd2d671ed690c409732427df66d7e51ddd880f19b5a5512c3226")
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestFormatIsKept: what was sealed by an earlier version opens.
func TestFormatIsKept(t *testing.T) {
	got, err := must(t, text(1)).Box("reasoning").Open(nil, kept(t), []byte("tenant"))
	if err != nil || string(got) != "kept" {
		t.Errorf("Open = %q, %v", got, err)
	}
}

func TestDerive(t *testing.T) {
	r := must(t, text(1)+","+text(2))
	if r.Derive("a") != must(t, text(1)).Derive("a") {
		t.Error("not derived from the first alone")
	}
	if r.Derive("a") == r.Derive("b") || r.Derive("a") == must(t, text(2)).Derive("a") {
		t.Error("two purposes or two roots have one key")
	}
}

// TestNothingPrints: no printer, logger or encoder shows a secret, in whichever
// form.
func TestNothingPrints(t *testing.T) {
	r := must(t, text(1))
	box := r.Box("p")
	held := struct {
		Root  *Root
		Value Root
		Box   *Box
		Inner Box
	}{r, *r, box, *box}
	var shown strings.Builder
	for _, v := range []any{r, *r, box, *box, held, &held} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			fmt.Fprintf(&shown, verb+"\n", v)
		}
		if err := json.NewEncoder(&shown).Encode(v); err != nil {
			t.Error(err)
		}
		slog.New(slog.NewTextHandler(&shown, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("m", "v", v)
	}
	for _, s := range []string{text(1), strings.TrimRight(text(1), "="), hex.EncodeToString(of(1)), fmt.Sprint(of(1)), "1 2 3 4 5", "0x1, 0x2, 0x3", "010203"} {
		if strings.Contains(shown.String(), s) {
			t.Errorf("%s is printed:\n%s", s, shown.String())
		}
	}
	if !strings.Contains(shown.String(), redacted) {
		t.Error("nothing says that there is a secret")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(text(1) + "," + text(2))
	f.Add("A\n=,,")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		box := r.Box("p")
		if got, err := box.Open(nil, box.Seal(nil, []byte(s), nil), nil); err != nil || string(got) != s {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestSeals: what an old secret has sealed is told from what the new one has.
func TestSeals(t *testing.T) {
	old, young := text(1), text(2)
	parse := func(text string) *Box {
		r, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return r.Box("test")
	}
	before, both := parse(old), parse(young+","+old)
	if sealed := before.Seal(nil, []byte("x"), nil); !before.Seals(sealed) || both.Seals(sealed) {
		t.Error("what the old one has sealed is not told from what the new one has")
	}
	if sealed := both.Seal(nil, []byte("x"), nil); !both.Seals(sealed) || both.Seals(nil) || both.Seals(sealed[:Overhead-1]) {
		t.Error("what the new one has sealed is not known")
	}
}

func FuzzOpen(f *testing.F) {
	box, good := must(f, text(1)).Box("reasoning"), kept(f)
	f.Add(good, []byte("tenant"))
	f.Add(good[:Overhead], []byte("tenant"))
	f.Add([]byte{version}, []byte{})
	f.Fuzz(func(t *testing.T, sealed, additional []byte) {
		got, err := box.Open(nil, sealed, additional)
		switch {
		case err == nil && (!bytes.Equal(sealed, good) || string(additional) != "tenant"):
			t.Errorf("%x opens to %q", sealed, got)
		case err != nil && (!errors.Is(err, ErrSealed) || got != nil):
			t.Errorf("%q, %v", got, err)
		}
		again := box.Seal(nil, sealed, additional)
		if back, err := box.Open(nil, again, additional); err != nil || !bytes.Equal(back, sealed) {
			t.Errorf("it does not come back: %x, %v", back, err)
		}
	})
}
