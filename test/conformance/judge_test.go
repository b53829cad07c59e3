package conformance_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// seen returns a POST as it passes a recorder in front of Steady or Weir.
func seen(uri, body string, status int, reply string) call {
	path, _, _ := strings.Cut(strings.TrimPrefix(uri, base), "?")
	return call{
		method: http.MethodPost, uri: uri, body: []byte(body), status: status, reply: []byte(reply),
		header: http.Header{"Content-Type": {"application/json"}},
		answer: http.Header{"X-Steady-Matched-Path": {path}},
	}
}

func passed(asked call, arrived ...call) outcome {
	return outcome{passed: true, asked: []call{asked}, arrived: arrived}
}

func failed(asked call, arrived ...call) outcome {
	return outcome{output: "--- FAIL", asked: []call{asked}, arrived: arrived}
}

func TestJudge(t *testing.T) {
	const uri, body = base + "/things?a=1&b=2", `{"x":1}`
	fine := seen(uri, body, 200, `{}`)
	unknown := seen(uri, body, 404, `{"error":{"code":"unknown_url"}}`)
	notTaken := seen(uri, body, 405, `{"error":{"code":"method_not_allowed"}}`)
	unknownID := seen(uri, body, 404, `{"error":{"code":"unknown_id"}}`)
	theirs404 := seen(uri, body, 404, `{"error":"Path not found"}`)
	listed := row{"POST /things", "T", "upstream"}
	for _, tt := range []struct {
		name            string
		direct, through outcome
		listed          []row
		fault, drift    string // a part of the only one; empty: there is none
	}{
		{"both pass and arrive", passed(fine, fine), passed(fine, fine), []row{listed}, "", ""},
		{"a new endpoint is not in the list yet", passed(fine, fine), passed(fine, fine), nil, "", "not listed so: POST /things\tT\tupstream"},
		{"an endpoint that Weir does not have", passed(fine, fine), failed(unknown), nil, "", ""},
		{"a method that Weir does not have", passed(fine, fine), failed(notTaken), nil, "", ""},
		{"an endpoint that Weir had", passed(fine, fine), failed(unknown), []row{listed}, "", "Weir does not have the endpoint"},
		{"Weir refuses it", passed(fine, fine), failed(unknownID), nil, "fails through Weir\n  asked POST /v1/things", ""},
		{"the upstream refuses what Weir made of it", passed(fine, fine), failed(theirs404, theirs404), nil, "fails through Weir", ""},
		{"unknown_url of the upstream", passed(fine, fine), failed(unknown, unknown), nil, "fails through Weir", ""},
		{"the client cannot read the answer", passed(fine, fine), failed(fine, fine), nil, "the test printed: --- FAIL", ""},
		{"both fail", failed(theirs404, theirs404), failed(theirs404, theirs404), nil, "", ""},
		{"both fail now", failed(theirs404, theirs404), failed(theirs404, theirs404), []row{listed}, "", "it fails directly, too"},
		{"a fault that Weir hides", failed(theirs404, theirs404), passed(fine, fine), nil, "fails directly and passes through Weir", ""},
		{"the test is gone", passed(fine), passed(fine), []row{listed}, "", "listed, but not found so"},
		{"Weir answers itself", passed(fine, fine), passed(fine), []row{{"POST /things", "T", "weir"}}, "", ""},
		{"nobody forwards it any more", passed(fine, fine), passed(fine), []row{listed, {"POST /things", "T", "weir"}}, "", "listed, but not found so: POST /things\tT\tupstream"},
		{"another body", passed(fine, fine), passed(fine, seen(uri, `{"x":2}`, 200, `{}`)), []row{listed}, "what arrived is not the same", ""},
		{"another path", passed(fine, fine), passed(fine, seen(base+"/others?a=1&b=2", body, 200, `{}`)), []row{listed}, "what arrived is not the same", ""},
		{"asked twice", passed(fine, fine), passed(fine, fine, fine), []row{listed}, "what arrived is not the same", ""},
		{"another value in the query", passed(fine, fine), passed(fine, seen(base+"/things?a=1&b=3", body, 200, `{}`)), []row{listed}, "what arrived is not the same", ""},
		{"more in the query", passed(fine, fine), passed(fine, seen(uri+"&c=3", body, 200, `{}`)), []row{listed}, "what arrived is not the same", ""},
		{"a query in another order", passed(fine, fine), passed(fine, seen(base+"/things?b=2&a=1", body, 200, `{}`)), []row{listed}, "", ""},
		{"less in the query, as listed", passed(fine, fine), passed(fine, seen(base+"/things?a=1", body, 200, `{}`)), []row{{"POST /things", "T", "upstream without b"}}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := judge([]result{{"T", tt.direct, tt.through}}, tt.listed)
			check(t, "faults", v.faults, tt.fault)
			check(t, "drift", v.drift, tt.drift)
		})
	}
}

// check expects one line with want in it, or none.
func check(t *testing.T, what string, got []string, want string) {
	t.Helper()
	if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
		t.Errorf("judge found the %s %q, want one with %q", what, got, want)
	}
}

func TestFormsAreComparedByTheirFields(t *testing.T) {
	write := func(boundary string, fields ...string) call {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		if err := w.SetBoundary(boundary); err != nil {
			t.Fatal(err)
		}
		for _, f := range fields {
			name, value, _ := strings.Cut(f, "=")
			if err := w.WriteField(name, value); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		return call{body: b.Bytes(), header: http.Header{"Content-Type": {w.FormDataContentType()}}}
	}
	one := write("one", "model=m", "n=2").arrival()
	if two := write("two", "n=2", "model=m").arrival(); one != two {
		t.Errorf("forms that differ in boundary and order are %q and %q, want the same", one, two)
	}
	if two := write("two", "n=3", "model=m").arrival(); one == two {
		t.Errorf("forms with different fields are both %q", one)
	}
}

func TestGeneratedTestsAskTheEnvironment(t *testing.T) {
	const source = `package p
func TestOne(t *testing.T) { if url, ok := os.LookupEnv("TEST_API_BASE_URL"); ok { use(url) } }
func TestOwnServer(t *testing.T) { httptest.NewServer(nil) }
func helper() { os.Getenv("TEST_API_BASE_URL") }
func TestTwo(t *testing.T) { t.Run("x", func(t *testing.T) { os.Getenv("TEST_API_BASE_URL") }) }
`
	got, err := generatedTests([]byte(source))
	if want := []string{"TestOne", "TestTwo"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("generatedTests = %q, %v, want %q", got, err, want)
	}
}
