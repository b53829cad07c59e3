package config

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"reflect"
	"slices"
	"strings"
)

// Identity returns a hash of all that the values say, fields that are not
// exported excepted, and secrets included: two of them are equal if and only if
// all settings are. It is for comparing within one process: to write it down
// would be to write down a hash of secrets.
func Identity(values ...any) [sha256.Size]byte {
	h := sha256.New()
	for _, v := range values {
		identify(h, reflect.ValueOf(v))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// identify writes a value so that no two different ones of its type are written
// alike.
func identify(h hash.Hash, v reflect.Value) {
	if secret, ok := reflect.TypeAssert[Secret](v); ok {
		identify(h, reflect.ValueOf(secret.Reveal()))
		return
	}
	length := func(n int) { _, _ = h.Write(binary.AppendVarint(nil, int64(n))) }
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				identify(h, v.Field(i))
			}
		}
	case reflect.Slice:
		length(v.Len())
		for i := range v.Len() {
			identify(h, v.Index(i))
		}
	case reflect.Map:
		length(v.Len())
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			identify(h, k)
			identify(h, v.MapIndex(k))
		}
	case reflect.String:
		length(v.Len())
		_, _ = h.Write([]byte(v.String()))
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		fmt.Fprintf(h, "%v;", v)
	case reflect.Pointer:
		if v.IsNil() {
			length(0)
			return
		}
		length(1)
		identify(h, v.Elem())
	default:
		panic("config: no identity of a " + v.Type().String())
	}
}
