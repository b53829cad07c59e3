package simulator

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
)

// maxDimensions is the length of the longest vector.
const maxDimensions = 3072

// serveEmbeddings answers POST …/embeddings. A vector depends on its text
// alone and has the length 1.
func (x *exchange) serveEmbeddings() error {
	var k checker
	model := x.deployment
	if model == "" {
		model = k.needText(x.req, "model")
	}
	texts := inputs(&k, x.req.get("input"), "input")
	format := k.text(x.req, "encoding_format")
	if format != "" {
		k.oneOf("encoding_format", format, "float base64")
	}
	usual := 1536
	if strings.Contains(model, "large") {
		usual = maxDimensions
	}
	dimensions := k.integer(x.req, "dimensions", 1, maxDimensions, usual)
	if err := k.err(); err != nil {
		return err
	}
	if ok, err := x.ready(model, false); !ok {
		return err
	}
	b := []byte(`{"object":"list","data":[`)
	var cost usage
	for i, text := range texts {
		cost.input += tokens(len(text))
		b = append(b, openComma(i, "")...)
		b = fmt.Appendf(b, `{"object":"embedding","index":%d,"embedding":`, i)
		b = append(appendVector(b, vector(text, dimensions), format == "base64"), '}')
	}
	b = appendString(append(b, `],"model":`...), model)
	if !x.m.noUsage {
		b = fmt.Appendf(b, `,"usage":{"prompt_tokens":%d,"total_tokens":%d}`, cost.input, cost.input)
	}
	return x.whole(append(b, '}'), cost)
}

// vector returns n numbers that text alone decides.
func vector(text string, n int) []float32 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // never fails
	state := h.Sum64() | 1
	v := make([]float32, n)
	var sum float64
	for i := range v {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		f := float64(int64(state)) / math.MaxInt64
		v[i] = float32(f)
		sum += f * f
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
	return v
}

// appendVector appends v as an array, or as the base64 of its little-endian
// bytes.
func appendVector(b []byte, v []float32, encoded bool) []byte {
	if encoded {
		raw := make([]byte, 0, 4*len(v))
		for _, f := range v {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
		}
		b = base64.StdEncoding.AppendEncode(append(b, '"'), raw)
		return append(b, '"')
	}
	for i, f := range v {
		b = append(b, openComma(i, "[")...)
		b = strconv.AppendFloat(b, float64(f), 'g', -1, 32)
	}
	return append(b, ']')
}
