package simulator_test

import (
	"net/http"
	"testing"

	"github.com/weir-gateway/weir/internal/realpart"
	"github.com/weir-gateway/weir/internal/simulator"
)

// mediaEvents names the schema of each event by its type.
func mediaEvents() map[string]string {
	return map[string]string{
		"image_generation.partial_image": "ImageGenPartialImageEvent",
		"image_generation.completed":     "ImageGenCompletedEvent",
		"image_edit.partial_image":       "ImageEditPartialImageEvent",
		"image_edit.completed":           "ImageEditCompletedEvent",
		"speech.audio.delta":             "SpeechAudioDeltaEvent",
		"speech.audio.done":              "SpeechAudioDoneEvent",
		"transcript.text.delta":          "TranscriptTextDeltaEvent",
		"transcript.text.done":           "TranscriptTextDoneEvent",
	}
}

func TestMediaFitThePublishedSchemas(t *testing.T) {
	openai := load(t, realpart.Only(t, "make conformance SPEC=<folder>", "WEIR_SPEC"), "openai-openapi.json")
	_, server := serve(t, simulator.Options{Strict: true})
	names := mediaEvents()
	check := func(t *testing.T, schema, body string) {
		t.Helper()
		if schema != "" {
			openai.validate(t, schema, body)
			return
		}
		for _, e := range events(t, body) {
			openai.validate(t, names[str(e.data, "type")], e.text)
		}
	}
	for _, tt := range []struct{ path, body, schema string }{
		{"/v1/images/generations", `{"model":"gpt-image-1","prompt":"p","n":2}`, "ImagesResponse"},
		{"/v1/images/generations", `{"model":"dall-e-3","prompt":"p"}`, "ImagesResponse"},
		{"/openai/v1/images/generations", `{"model":"gpt-image-1","prompt":"p"}`, "ImagesResponse"},
		{"/v1/images/generations", `{"model":"gpt-image-1","prompt":"p","stream":true,"partial_images":2,"quality":"auto"}`, ""},
		{"/v1/images/edits", `{"model":"gpt-image-1","prompt":"p","images":[{"file_id":"f"}],"stream":true,"partial_images":1}`, ""},
		{"/v1/audio/speech", `{"model":"gpt-4o-mini-tts","voice":{"id":"v"},"input":"some text","stream_format":"sse"}`, ""},
		{"/v1/moderations", `{"input":["hate","x"]}`, "CreateModerationResponse"},
	} {
		check(t, tt.schema, post(t, server, tt.path, tt.body, http.StatusOK))
	}
	for _, tt := range []struct {
		path, model string
		extra       []field
		schema      string
	}{
		{"/v1/audio/transcriptions", "gpt-4o-transcribe", nil, "CreateTranscriptionResponseJson"},
		{"/v1/audio/transcriptions", "whisper-1", nil, "CreateTranscriptionResponseJson"},
		{"/v1/audio/transcriptions", "whisper-1", []field{{"response_format", "verbose_json", ""}, {"timestamp_granularities[]", "word", ""}}, "CreateTranscriptionResponseVerboseJson"},
		{"/v1/audio/transcriptions", "gpt-4o-transcribe-diarize", []field{{"response_format", "diarized_json", ""}}, "CreateTranscriptionResponseDiarizedJson"},
		{"/v1/audio/transcriptions", "gpt-4o-transcribe", []field{{"stream", "true", ""}}, ""},
		{"/v1/audio/translations", "whisper-1", nil, "CreateTranslationResponseJson"},
		{"/v1/audio/translations", "whisper-1", []field{{"response_format", "verbose_json", ""}}, "CreateTranslationResponseVerboseJson"},
	} {
		body, _ := postForm(t, server.URL, server.Client(), tt.path, append(tt.extra, field{"file", sound, "a.wav"}, field{"model", tt.model, ""}), http.StatusOK)
		check(t, tt.schema, body)
	}
	body, _ := postForm(t, server.URL, server.Client(), "/v1/images/edits", []field{{"image", "x", "x.png"}, {"prompt", "p", ""}}, http.StatusOK)
	check(t, "ImagesResponse", body)
}
