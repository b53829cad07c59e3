package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"slices"
)

// What one session keeps of its conversation.
const (
	maxItems     = 1000
	maxItemBytes = 16 << 20
)

// audioPerToken is how many bytes of sound are a token: a tenth of a second.
const audioPerToken = 2 * sampleRate / 10

// A realtime is one session on a socket.
type realtime struct {
	*socket
	session value // as the client is told
	items   []realtimeItem
	bytes   int // of items
	audio   heardAudio
}

// A realtimeItem is one item of a conversation.
type realtimeItem struct {
	id    string
	value value
	audio int // bytes of sound in it
}

// heardAudio is what a client has said since it last committed it.
type heardAudio struct {
	size int
	hash hash.Hash
}

// serveRealtime answers GET …/realtime with a socket.
func (x *exchange) serveRealtime() error {
	if !isUpgrade(x.r) {
		x.w.Header().Set("Upgrade", "websocket")
		return &fault{status: http.StatusUpgradeRequired, message: "Only WebSockets are served here."}
	}
	name := "model"
	if x.family == familyClassic {
		name = "deployment"
	}
	models := x.r.URL.Query()[name]
	if len(models) != 1 || models[0] == "" {
		return invalid(name, fmt.Sprintf("Exactly one '%s' is wanted in the query.", name))
	}
	x.m.wrongLength = 0 // a socket has no length
	if ok, err := x.ready(models[0], true); !ok {
		return err
	}
	x.socket(func(s *socket) {
		r := &realtime{socket: s, audio: heardAudio{hash: sha256.New()}}
		x.failure = r.fail
		r.begin(models[0])
		for !x.over {
			if m, ok := s.next(); ok {
				r.handle(m)
			}
		}
	})
	return nil
}

// begin tells the client what its session is.
func (r *realtime) begin(model string) {
	const pcm = `{"type":"audio/pcm","rate":24000}`
	r.session = fmt.Appendf(nil, `{"type":"realtime","object":"realtime.session","id":%s,"model":%s,"expires_at":%d,"output_modalities":["audio"],`+
		`"instructions":"","tools":[],"tool_choice":"auto","max_output_tokens":"inf","tracing":null,"prompt":null,"truncation":"auto",`+
		`"audio":{"input":{"format":%s,"turn_detection":null},"output":{"format":%[4]s,"voice":"alloy","speed":1.0}}}`,
		quote(r.x.sim.id("sess_")), quote(model), r.x.rec.Time.Unix()+3600, pcm)
	r.emit("session.created", `"session":%s`, r.session)
}

// emit sends one event; what follows its id are the members.
func (r *realtime) emit(kind, members string, args ...any) {
	b := fmt.Appendf(r.x.fresh(`{"type":"`), `%s","event_id":%s,`, kind, quote(r.x.sim.id("event_")))
	b = append(fmt.Appendf(b, members, args...), '}')
	r.x.buf = b[:0]
	r.x.send(b)
}

// handle answers one event of the client.
func (r *realtime) handle(m inbound) {
	if m.binary {
		r.refuse("", invalid("", "Binary messages are not taken."))
		return
	}
	event, err := parseObject(m.data)
	if err != nil {
		r.refuse("", invalid("", err.Error()))
		return
	}
	var k checker
	if name, twice := event.duplicate(); twice {
		k.fail(name, "Duplicate member: %s.", name)
	}
	kind := k.needText(event, "type")
	if k.fault == nil {
		r.answer(&k, kind, event)
	}
	if k.fault != nil {
		r.refuse(event.get("event_id").str(), k.fault)
	}
}

func (r *realtime) answer(k *checker, kind string, event object) {
	switch kind {
	case "session.update":
		r.update(k, k.dict(event, "session"))
	case "conversation.item.create":
		r.create(k, event)
	case "conversation.item.retrieve":
		if i := r.find(k, event); i >= 0 {
			r.emit("conversation.item.retrieved", `"item":%s`, r.items[i].value)
		}
	case "conversation.item.delete":
		if i := r.find(k, event); i >= 0 {
			id := r.items[i].id
			r.bytes -= len(r.items[i].value)
			r.items = slices.Delete(r.items, i, i+1)
			r.emit("conversation.item.deleted", `"item_id":%s`, quote(id))
		}
	case "conversation.item.truncate":
		if i := r.find(k, event); i >= 0 {
			r.emit("conversation.item.truncated", `"item_id":%s,"content_index":%d,"audio_end_ms":%d`, quote(r.items[i].id),
				k.integer(event, "content_index", 0, 99, 0), k.integer(event, "audio_end_ms", 0, 1<<30, 0))
		}
	case "input_audio_buffer.append":
		r.listen(k, k.needText(event, "audio"))
	case "input_audio_buffer.commit":
		r.commit(k)
	case "input_audio_buffer.clear":
		r.audio = heardAudio{hash: sha256.New()}
		r.emit("input_audio_buffer.cleared", `"previous_item_id":null`)
	case "output_audio_buffer.clear":
	case "response.create":
		r.respond(k, k.dict(event, "response"))
	case "response.cancel":
		k.failCode("response_cancel_not_active", "", "Cancellation failed: no active response found.")
	default:
		k.fail("type", "Invalid value: '%s'.", kind)
	}
}

// refuse sends an error event about the client's event with that id.
func (r *realtime) refuse(id string, f *fault) {
	code := f.code
	if code == "" {
		code = "invalid_value"
	}
	r.emit("error", `"error":{"type":"invalid_request_error","code":%s,"message":%s,"param":%s,"event_id":%s}`,
		quote(code), quote(f.message), appendOptional(nil, f.param), appendOptional(nil, id))
}

// fail sends the failure that was asked for.
func (r *realtime) fail() {
	f := r.x.streamFault()
	r.emit("error", `"error":{"type":"server_error","code":%s,"message":%s,"param":null,"event_id":null}`, quote(f.code), quote(f.message))
}

// update changes the session.
func (r *realtime) update(k *checker, change object) {
	if change.get("type").str() != "realtime" {
		k.fail("session.type", "Missing required parameter: 'session.type'; 'realtime' is the one that is served.")
	}
	if model := change.get("model"); model.exists() && model.str() != r.session.object().get("model").str() {
		k.fail("session.model", "The model of a session cannot be changed.")
	}
	r.settings(k, change)
	if k.fault != nil {
		return
	}
	change = slices.DeleteFunc(slices.Clone(change), func(m member) bool { return hasWord("id object expires_at", m.name) })
	r.session = merge(r.session, change)
	r.emit("session.updated", `"session":%s`, r.session)
}

// merge returns the object v with the members of change, which go into those of
// the same name if both are objects.
func merge(v value, change object) value {
	out := object{}
	for _, m := range v.object() {
		switch c := change.get(m.name); {
		case len(c) == 0:
		case c.isObject() && m.value.isObject():
			m.value = merge(m.value, c.object())
		default:
			m.value = c.compact()
		}
		out = append(out, m)
	}
	for _, m := range change {
		if len(v.object().get(m.name)) == 0 {
			out = append(out, member{m.name, m.value.compact()})
		}
	}
	b := []byte{'{'}
	for i, m := range out {
		b = append(appendString(append(b, openComma(i, "")...), m.name), ':')
		b = append(b, m.value...)
	}
	return append(b, '}')
}

// find returns the item that an event is about, or -1.
func (r *realtime) find(k *checker, event object) int {
	id := k.needText(event, "item_id")
	i := slices.IndexFunc(r.items, func(item realtimeItem) bool { return item.id == id })
	if i < 0 && id != "" {
		k.failCode("item_not_found", "item_id", "There is no item '%s'.", id)
	}
	return i
}

// create adds an item of the client's to the conversation.
func (r *realtime) create(k *checker, event object) {
	raw := event.get("item")
	item := k.dict(event, "item")
	if item == nil {
		k.fail("item", "Missing required parameter: 'item'.")
	}
	kind := item.get("type").str()
	k.oneOf("item.type", kind, "message function_call function_call_output")
	if kind == "message" {
		k.oneOf("item.role", item.get("role").str(), "system user assistant")
		if !item.get("content").isArray() {
			k.fail("item.content", "Missing required parameter: 'item.content'.")
		}
		k.parts(item.get("content"), "item.content")
	}
	previous := k.text(event, "previous_item_id")
	if k.fault == nil {
		r.add(k, withDefaults(raw, "object", `"realtime.item"`, "status", `"completed"`), previous, 0)
	}
}

// add puts an item into the conversation, behind the one named previous or at
// the end, and tells the client.
func (r *realtime) add(k *checker, v value, previous string, audio int) {
	id := v.object().get("id").str()
	if id == "" {
		id = r.x.sim.id("item_")
		v = merge(v, object{{"id", value(quote(id))}})
	}
	at := len(r.items)
	if previous != "" {
		at = 0
		if i := slices.IndexFunc(r.items, func(item realtimeItem) bool { return item.id == previous }); i >= 0 {
			at = i + 1
		} else if previous != "root" {
			k.failCode("item_not_found", "previous_item_id", "There is no item '%s'.", previous)
			return
		}
	}
	if len(r.items) == maxItems || r.bytes+len(v) > maxItemBytes {
		k.fail("item", "The conversation is full.")
		return
	}
	before := r.before(at)
	r.items = slices.Insert(r.items, at, realtimeItem{id, bytes.Clone(v), audio})
	r.bytes += len(v)
	r.emit("conversation.item.added", `"previous_item_id":%s,"item":%s`, before, v)
	r.emit("conversation.item.done", `"previous_item_id":%s,"item":%s`, before, v)
}

// before returns the id of the item in front of place at, in JSON.
func (r *realtime) before(at int) []byte {
	if at == 0 {
		return []byte("null")
	}
	return []byte(quote(r.items[at-1].id))
}

// listen takes in sound.
func (r *realtime) listen(k *checker, encoded string) {
	sound, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		k.fail("audio", "Invalid 'audio': not base64.")
	}
	r.audio.size += len(sound)
	_, _ = r.audio.hash.Write(sound) // never fails
}

// commit makes an item of the sound that came, whose transcript says its size
// and hash.
func (r *realtime) commit(k *checker) {
	if r.audio.size == 0 {
		k.failCode("input_audio_buffer_commit_empty", "", "The input audio buffer is empty.")
		return
	}
	text := fmt.Sprintf("audio bytes=%d sha256=%s", r.audio.size, hex.EncodeToString(r.audio.hash.Sum(nil))[:12])
	id := r.x.sim.id("item_")
	r.emit("input_audio_buffer.committed", `"previous_item_id":%s,"item_id":%s`, r.before(len(r.items)), quote(id))
	item := fmt.Appendf(nil, `{"id":%s,"object":"realtime.item","type":"message","status":"completed","role":"user","content":[{"type":"input_audio","transcript":%s}]}`, quote(id), quote(text))
	size := r.audio.size
	r.audio = heardAudio{hash: sha256.New()}
	r.add(k, item, "", size)
}
