package simulator

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"hash/fnv"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
)

// emptyWebP is the smallest picture in that format, one point, in base64. The
// standard library cannot write one.
const emptyWebP = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="

// picture returns a picture of one point, whose colour text and i decide. In
// PNG it carries text as its description.
func picture(format, text string, i int) []byte {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // never fails
	sum := h.Sum32() + uint32(i)
	point := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	point.SetNRGBA(0, 0, color.NRGBA{R: byte(sum), G: byte(sum >> 8), B: byte(sum >> 16), A: 0xff})
	var out bytes.Buffer
	switch format {
	case "jpeg":
		_ = jpeg.Encode(&out, point, nil) // to memory
		return out.Bytes()
	case "webp":
		b, _ := base64.StdEncoding.DecodeString(emptyWebP)
		return b
	}
	_ = png.Encode(&out, point) // to memory
	const end = 12              // bytes of the last chunk, which stays the last
	b := out.Bytes()
	split := len(b) - end
	chunk := append([]byte("iTXtDescription\x00\x00\x00\x00\x00"), text...)
	described := binary.BigEndian.AppendUint32(bytes.Clone(b[:split]), uint32(len(chunk)-4))
	described = append(described, chunk...)
	described = binary.BigEndian.AppendUint32(described, crc32.ChecksumIEEE(chunk))
	return append(described, b[split:]...)
}
