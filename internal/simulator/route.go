package simulator

import (
	"net/http"
	"net/url"
	"strings"
)

// A family is a group of paths with one rule for credentials and api-version.
type family uint8

const (
	familyOpenAI    family = iota // /v1
	familyClassic                 // /openai/deployments, /openai/responses
	familyAzureV1                 // /openai/v1
	familyAnthropic               // /v1/messages, /anthropic/v1/messages
	familyOllama                  // /api
	familySim                     // /sim
)

// A route is where a path leads.
type route struct {
	family     family
	operation  string // "chat", "responses" …; the record of the request shows it
	shape      shape
	deployment string // model named by the path
	object     string // id of an object named by the path
	methods    string // those allowed, separated by ", "
	takes      takes
	serve      func(*exchange) error
}

// takes says which body a POST must have.
type takes uint8

const (
	takesJSON    takes = iota
	takesForm          // multipart/form-data
	takesEither        // one of both
	takesNothing       // any, and it is not read for its meaning
)

// operations of the OpenAI paths, by their path below the family's root. With a
// method in front they are for that one alone.
var operations = map[string]route{ // immutable
	"chat/completions":       {operation: "chat", methods: "GET, POST", serve: (*exchange).serveChat},
	"completions":            {operation: "completions", methods: "POST", serve: (*exchange).serveCompletions},
	"responses":              {operation: "responses", methods: "POST", serve: (*exchange).serveResponses},
	"embeddings":             {operation: "embeddings", methods: "POST", serve: (*exchange).serveEmbeddings},
	"models":                 {operation: "models", methods: "GET, HEAD", serve: (*exchange).serveModels},
	"responses/input_tokens": {operation: "input_tokens", methods: "POST", serve: (*exchange).serveInputTokens},
	"responses/compact":      {operation: "compact", methods: "POST", serve: (*exchange).serveCompact},

	"moderations": {operation: "moderations", methods: "POST", serve: (*exchange).serveModerations},

	"GET chat/completions": {operation: "chat_object", methods: "GET, POST", serve: (*exchange).serveChatList},

	"files":     {operation: "files", methods: "GET, POST", takes: takesForm, serve: (*exchange).serveFileUpload},
	"GET files": {operation: "files", methods: "GET, POST", serve: (*exchange).serveFileList},

	"realtime": {operation: "realtime", methods: "GET", serve: (*exchange).serveRealtime},

	"images/generations": {operation: "image_generation", methods: "POST", serve: (*exchange).serveImageGeneration},
	"images/edits":       {operation: "image_edit", methods: "POST", takes: takesEither, serve: (*exchange).serveImageEdit},
	"images/variations":  {operation: "image_variation", methods: "POST", takes: takesForm, serve: (*exchange).serveImageVariation},

	"audio/speech":         {operation: "speech", methods: "POST", serve: (*exchange).serveSpeech},
	"audio/transcriptions": {operation: "transcription", methods: "POST", takes: takesForm, serve: (*exchange).serveTranscription},
	"audio/translations":   {operation: "translation", methods: "POST", takes: takesForm, serve: (*exchange).serveTranslation},
}

// objects are the paths that name one.
var objects = map[string]route{ // immutable
	"chat/completions/{id}":          {operation: "chat_object", methods: "GET, POST, DELETE", serve: (*exchange).serveChatObject},
	"chat/completions/{id}/messages": {operation: "chat_object", methods: "GET", serve: (*exchange).serveChatMessages},

	"files/{id}":         {operation: "files", methods: "GET, DELETE", serve: (*exchange).serveFile},
	"files/{id}/content": {operation: "files", methods: "GET", serve: (*exchange).serveFileContent},

	"models/{id}":                {operation: "model", methods: "GET, HEAD", serve: (*exchange).serveModel},
	"responses/{id}":             {operation: "response", methods: "GET, DELETE", serve: (*exchange).serveResponse},
	"responses/{id}/cancel":      {operation: "response", methods: "POST", takes: takesNothing, serve: (*exchange).serveCancel},
	"responses/{id}/input_items": {operation: "response", methods: "GET", serve: (*exchange).serveInputItems},
}

// classic are the first words of what Azure has outside deployments, below an
// api-version.
const classic = "responses models files realtime"

// deployed are the operations that Azure has below a deployment.
const deployed = "completions chat/completions embeddings audio/transcriptions audio/translations audio/speech images/generations images/edits"

// others are the paths outside the OpenAI families.
var others = map[string]route{ // immutable
	"v1/messages":              {family: familyAnthropic, shape: shapeAnthropic, operation: "messages", methods: "POST", serve: (*exchange).serveMessages},
	"v1/messages/count_tokens": {family: familyAnthropic, shape: shapeAnthropic, operation: "count_tokens", methods: "POST", serve: (*exchange).serveCountTokens},
	"api/chat":                 {family: familyOllama, shape: shapeOllama, operation: "ollama_chat", methods: "POST", serve: (*exchange).serveOllamaChat},
	"api/tags":                 {family: familyOllama, shape: shapeOllama, operation: "tags", methods: "GET, HEAD", serve: (*exchange).serveTags},
	"api/version":              {family: familyOllama, shape: shapeOllama, operation: "version", methods: "GET, HEAD", serve: (*exchange).serveVersion},
	"api/pull":                 {family: familyOllama, shape: shapeOllama, operation: "pull", methods: "POST", serve: (*exchange).servePull},
	"sim/served":               {family: familySim, operation: "served", methods: "GET, DELETE", serve: (*exchange).serveServed},
}

// find returns the route of r's path. The path must be in its canonical form:
// what a gateway sends is its own choice, so nothing is cleaned up.
func find(r *http.Request) (route, bool) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	if o, ok := others[strings.TrimPrefix(path, "anthropic/")]; ok {
		if !strings.HasPrefix(path, "anthropic/") || o.family == familyAnthropic {
			return o, true
		}
	}
	if rest, ok := strings.CutPrefix(path, "v1/"); ok {
		if r.Header.Get("anthropic-version") != "" && (rest == "models" || strings.HasPrefix(rest, "models/")) {
			return findBelow(r.Method, rest, familyAnthropic, shapeAnthropic)
		}
		return findBelow(r.Method, rest, familyOpenAI, shapeOpenAI)
	}
	if rest, ok := strings.CutPrefix(path, "openai/v1/"); ok {
		return findBelow(r.Method, rest, familyAzureV1, shapeAzure)
	}
	if rest, ok := strings.CutPrefix(path, "openai/deployments/"); ok {
		return findDeployment(rest)
	}
	if rest, ok := strings.CutPrefix(path, "openai/"); ok {
		first, _, _ := strings.Cut(rest, "/")
		if hasWord(classic, first) && rest != "responses/input_tokens" && rest != "responses/compact" {
			return findBelow(r.Method, rest, familyClassic, shapeAzure)
		}
	}
	return route{shape: shapeOf(path)}, false
}

// findBelow looks an operation up and gives it its family. A path may name an
// object.
func findBelow(method, rest string, f family, s shape) (route, bool) {
	o, ok := operations[method+" "+rest]
	if !ok {
		o, ok = operations[rest]
	}
	if !ok {
		o, ok = findObject(rest)
	}
	o.family, o.shape = f, s
	return o, ok
}

// findObject finds the route of a path that names an object.
func findObject(rest string) (route, bool) {
	for pattern, o := range objects {
		before, after, _ := strings.Cut(pattern, "{id}")
		id, ok := strings.CutPrefix(rest, before)
		if !ok || !strings.HasSuffix(id, after) {
			continue
		}
		id = strings.TrimSuffix(id, after)
		name, err := url.PathUnescape(id)
		if id == "" || strings.Contains(id, "/") || err != nil {
			continue
		}
		o.object = name
		return o, true
	}
	return route{}, false
}

// findDeployment reads {deployment}/{operation} of Azure's classic paths.
func findDeployment(rest string) (route, bool) {
	name, op, _ := strings.Cut(rest, "/")
	o, ok := operations[op]
	ok = ok && hasWord(deployed, op)
	deployment, err := url.PathUnescape(name)
	o.family, o.shape, o.deployment, o.methods = familyClassic, shapeAzure, deployment, "POST"
	return o, ok && err == nil && deployment != ""
}

// hasWord reports whether list, whose words are separated by spaces, has word.
func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

// shapeOf returns the shape for errors about an unknown path.
func shapeOf(path string) shape {
	switch {
	case strings.HasPrefix(path, "openai/"):
		return shapeAzure
	case strings.HasPrefix(path, "anthropic/"), strings.HasPrefix(path, "v1/messages"):
		return shapeAnthropic
	case strings.HasPrefix(path, "api/"):
		return shapeOllama
	}
	return shapeOpenAI
}

// allows reports whether o takes method.
func (o *route) allows(method string) bool {
	for m := range strings.SplitSeq(o.methods, ", ") {
		if m == method {
			return true
		}
	}
	return false
}
