package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// wellKnown returns the names that the models list shows by default: those
// that behave, those that do not, and a few that clients look for.
func wellKnown() []string {
	names := []string{
		"sim-1", "sim-small", "gpt-5.5", "gpt-5", "gpt-5-mini", "gpt-4.1", "gpt-4o", "gpt-4o-mini", "gpt-oss:20b", "gpt-oss:120b",
		"claude-sonnet-4-5", "claude-opus-4-5", "text-embedding-3-small", "text-embedding-3-large",
		"sim-429", "sim-500", "sim-503",
	}
	names = append(names, slices.Sorted(maps.Keys(models))...)
	return names
}

// serveModels answers GET …/models in the family's shape.
func (x *exchange) serveModels() error {
	if ok, err := x.ready("", false); !ok {
		return err
	}
	names := x.sim.options.Models
	b := []byte(`{"object":"list","data":[`)
	if x.family == familyAnthropic {
		b = []byte(`{"data":[`)
	}
	for i, name := range names {
		b = x.appendModel(append(b, openComma(i, "")...), name)
	}
	b = append(b, ']')
	if x.family == familyAnthropic {
		b = append(b, `,"has_more":false,"first_id":`...)
		if len(names) == 0 {
			b = append(b, `null,"last_id":null`...)
		} else {
			b = appendString(append(appendString(b, names[0]), `,"last_id":`...), names[len(names)-1])
		}
	}
	x.writeWhole(x.success(), "application/json", indent(append(b, '}')))
	return nil
}

// serveModel answers GET …/models/{id}.
func (x *exchange) serveModel() error {
	if ok, err := x.ready(x.object, false); !ok {
		return err
	}
	x.writeWhole(x.success(), "application/json", indent(x.appendModel(nil, x.object)))
	return nil
}

// modelsSince is when every model of a simulator was made.
var modelsSince = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // immutable

// appendModel appends one model.
func (x *exchange) appendModel(b []byte, name string) []byte {
	b = appendString(append(b, `{"id":`...), name)
	if x.family == familyAnthropic {
		b = appendString(append(b, `,"type":"model","display_name":`...), name)
		return fmt.Appendf(b, `,"created_at":"%s"}`, modelsSince.Format(time.RFC3339))
	}
	return fmt.Appendf(b, `,"object":"model","created":%d,"owned_by":"simulator"}`, modelsSince.Unix())
}

// serveTags answers GET /api/tags.
func (x *exchange) serveTags() error {
	b := []byte(`{"models":[`)
	for i, name := range x.sim.options.Models {
		b = appendString(append(append(b, openComma(i, "")...), `{"name":`...), name)
		b = appendString(append(b, `,"model":`...), name)
		family, _, _ := strings.Cut(name, ":")
		b = fmt.Appendf(b, `,"modified_at":"%s","size":1,"digest":"%064x","details":{"parent_model":"","format":"gguf","family":%s,"families":[%[3]s],"parameter_size":"1B","quantization_level":"Q4_0"}}`,
			modelsSince.Format(time.RFC3339), i, quote(family))
	}
	x.writeWhole(x.success(), "application/json", append(b, "]}\n"...))
	return nil
}

// serveVersion answers GET /api/version. Clients refuse servers older than
// 0.13.4.
func (x *exchange) serveVersion() error {
	x.writeWhole(x.success(), "application/json", []byte(`{"version":"0.14.0"}`+"\n"))
	return nil
}
