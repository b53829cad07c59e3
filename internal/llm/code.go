package llm

import "slices"

// A Code names one failure, on the wire and in logs. It is one row of a closed
// table; see [Codes].
type Code string

// The codes. docs/errors.md is made from their rows.
const (
	CodeInternal             Code = "internal_error"
	CodeInvalidJSON          Code = "invalid_json"
	CodeInvalidValue         Code = "invalid_value"
	CodeMissingParameter     Code = "missing_required_parameter"
	CodeUnsupportedParameter Code = "unsupported_parameter"
	CodeUnsupportedValue     Code = "unsupported_value"
	CodeUnsupportedOperation Code = "unsupported_operation"
	CodeUnsupportedMediaType Code = "unsupported_media_type"
	CodeUnsupportedEncoding  Code = "unsupported_content_encoding"
	CodeInvalidEncoding      Code = "invalid_content_encoding"
	CodeBodyTooLarge         Code = "request_too_large"
	CodeRequestTimeout       Code = "request_timeout"
	CodeMissingKey           Code = "missing_api_key"
	CodeInvalidKey           Code = "invalid_api_key"
	CodeAmbiguousCredentials Code = "ambiguous_credentials"
	CodeForeignOrigin        Code = "foreign_origin"
	CodeForeignHost          Code = "foreign_host"
	CodeModelNotAllowed      Code = "model_not_allowed"
	CodeModelNotFound        Code = "model_not_found"
	CodeUnknownURL           Code = "unknown_url"
	CodeMethodNotAllowed     Code = "method_not_allowed"
	CodeWebSocketUnsupported Code = "websocket_unsupported"
	CodeWebSocketRequired    Code = "websocket_required"
	CodeObjectNotFound       Code = "not_found"
	CodePreviousNotFound     Code = "previous_response_not_found"
	CodeForeignReference     Code = "reference_not_found"
	CodeUnknownProvider      Code = "unknown_provider"
	CodeProviderNotAllowed   Code = "provider_not_allowed"
	CodeRuleRefused          Code = "refused_by_rule"
	CodeNoTarget             Code = "no_allowed_target"
	CodeInvalidMultipart     Code = "invalid_multipart"
	CodeTransparentRefused   Code = "transparent_refused"
	CodePassthroughRefused   Code = "passthrough_refused"
	CodeMessageTooLarge      Code = "message_too_large"
	CodeOverloaded           Code = "server_overloaded"
	CodeShuttingDown         Code = "shutting_down"
	CodeUpstreamBusy         Code = "upstream_busy"
	CodeFiltered             Code = "content_filter"
	CodeUpstreamAuth         Code = "upstream_authentication_failed"
	CodeUpstreamLimited      Code = "upstream_rate_limited"
	CodeUpstreamQuota        Code = "upstream_quota_exhausted"
	CodeUpstreamRejected     Code = "upstream_rejected"
	CodeUpstreamFailed       Code = "upstream_failed"
	CodeModelUnavailable     Code = "model_unavailable"
	CodeUpstreamConnect      Code = "upstream_connect_failed"
	CodeUpstreamTLS          Code = "upstream_tls_failed"
	CodeUpstreamLost         Code = "upstream_connection_lost"
	CodeUpstreamTruncated    Code = "upstream_truncated"
	CodeUpstreamInvalid      Code = "upstream_invalid_response"
	CodeUpstreamTooLarge     Code = "upstream_too_large"
	CodeConnectTimeout       Code = "upstream_connect_timeout"
	CodeFirstByteTimeout     Code = "upstream_first_byte_timeout"
	CodeIdleTimeout          Code = "upstream_idle_timeout"
	CodeTotalTimeout         Code = "upstream_total_timeout"
	CodeClientClosed         Code = "client_closed_request"
	CodeClientTooSlow        Code = "client_too_slow"
)

// A Row is what the table says of one code.
type Row struct {
	Code   Code
	Kind   Kind
	Status int // before the first byte; a later failure is told inside the stream

	// OpenAI and Anthropic are the value of error.type in each family of dialects.
	OpenAI    string
	Anthropic string

	// Retry is true if the same request may succeed later. It is told to the
	// client as error.retryable; where it is false and the status is one that
	// SDKs retry on their own, x-should-retry: false is sent too.
	Retry bool

	// PassAnswer is true if the upstream's own answer, where there is one in
	// the client's dialect, is passed on as it is instead of this row.
	PassAnswer bool

	Message string // what the client is told if nothing more exact is known
	Remedy  string // what the operator can do, for docs/errors.md
}

// Codes returns every row, in the order of docs/errors.md.
func Codes() []Row { return slices.Clone(table) }

// Row returns the row of c. An unknown or empty code has the row of
// [CodeInternal].
func (c Code) Row() Row {
	for i := range table {
		if table[i].Code == c {
			return table[i]
		}
	}
	return table[0]
}

const (
	typInvalid = "invalid_request_error"
	typServer  = "server_error"
	typAPI     = "api_error"
)

var table = []Row{ // immutable
	{
		CodeInternal, Internal, 500, typServer, typAPI, true, false,
		"internal error",
		"A fault of Weir's own. The log line with the same request id holds the cause; please report it.",
	},
	{
		CodeInvalidJSON, Invalid, 400, typInvalid, typInvalid, false, false,
		"the request body is not valid JSON",
		"Send one JSON object in UTF-8, without duplicate names and with nothing after it. The message gives the byte offset of the fault.",
	},
	{
		CodeInvalidValue, Invalid, 400, typInvalid, typInvalid, false, false,
		"a field has a value that cannot be used",
		"`param` names the field.",
	},
	{
		CodeMissingParameter, Invalid, 400, typInvalid, typInvalid, false, false,
		"a required field is missing",
		"`param` names the field.",
	},
	{
		CodeUnsupportedParameter, Invalid, 400, typInvalid, typInvalid, false, false,
		"the model that serves this request cannot take a field of it",
		"`param` names the field. Leave it out, or ask for a model whose upstream speaks the client's own protocol.",
	},
	{
		CodeUnsupportedValue, Invalid, 400, typInvalid, typInvalid, false, false,
		"the model that serves this request cannot take a value of it",
		"`param` names the field. Give it another value, or ask for a model whose upstream speaks the client's own protocol.",
	},
	{
		CodeUnsupportedOperation, Invalid, 400, typInvalid, typInvalid, false, false,
		"this model cannot be asked in this way",
		"The model's upstream does not serve the API that the client called. Use an API that it serves, or give the model another target.",
	},
	{
		CodeUnsupportedMediaType, Invalid, 415, typInvalid, typInvalid, false, false,
		"the request body is not of a type that is taken here",
		"Send `Content-Type: application/json`, or multipart/form-data to an API that takes files. A listener without keys insists on it, so that a web page cannot call it.",
	},
	{
		CodeUnsupportedEncoding, Invalid, 415, typInvalid, typInvalid, false, false,
		"the request's Content-Encoding is not supported",
		"Send the body as it is, or compressed once with gzip or zstd, within the window and ratio limits.",
	},
	{
		CodeInvalidEncoding, Invalid, 400, typInvalid, typInvalid, false, false,
		"the compressed request body is corrupt",
		"The body is not what its Content-Encoding says, or it was cut.",
	},
	{
		CodeBodyTooLarge, TooLarge, 413, typInvalid, "request_too_large", false, false,
		"the request body is too large",
		"Raise `listen.body_limit`, or send less.",
	},
	{
		CodeRequestTimeout, Invalid, 408, typInvalid, typInvalid, true, false,
		"the request body did not arrive in time",
		"The client stopped sending its body. Look at the network between the client and Weir.",
	},
	{
		CodeMissingKey, Unauthenticated, 401, typInvalid, "authentication_error", false, false,
		"no API key was given: send it as Authorization: Bearer, x-api-key, api-key or x-weir-key",
		"Give the client one of the keys under `keys`.",
	},
	{
		CodeInvalidKey, Unauthenticated, 401, typInvalid, "authentication_error", false, false,
		"the API key is not one that this gateway knows",
		"The key is unknown or disabled. It is Weir's own that is wanted, also where an upstream has `auth: passthrough`: that one comes in `x-weir-key` then, beside the provider's. Compare it with `keys`; the log line shows the beginning of the SHA-256 of what was sent: `printf %s \"$KEY\" | sha256sum`.",
	},
	{
		CodeAmbiguousCredentials, Unauthenticated, 401, typInvalid, "authentication_error", false, false,
		"two different API keys were given in Authorization, x-api-key and api-key",
		"Send one key, or the same one in each header.",
	},
	{
		CodeForeignOrigin, Forbidden, 403, typInvalid, "permission_error", false, false,
		"requests from web pages of another origin are refused",
		"A listener without keys does not serve other web sites, and no listener opens a WebSocket for one, unless `cors.origins` names it. Configure `keys`, name the site, or call from a program.",
	},
	{
		CodeForeignHost, Forbidden, 403, typInvalid, "permission_error", false, false,
		"this host name is not served",
		"A listener without keys serves Host localhost, 127.0.0.1, [::1] and `listen.hosts`. Add the name there, or configure `keys`.",
	},
	{
		CodeModelNotAllowed, Forbidden, 403, typInvalid, "permission_error", false, false,
		"this key may not use this model",
		"Add the model to the key's `models`.",
	},
	{
		CodeModelNotFound, NotFound, 404, typInvalid, "not_found_error", false, false,
		"no such model",
		"Add the model under `models`; `GET /v1/models` lists what the key may use.",
	},
	{
		CodeUnknownURL, NotFound, 404, typInvalid, "not_found_error", false, false,
		"no such path",
		"Compare the client's base URL: OpenAI's clients want it to end in `/v1`, Anthropic's want it without.",
	},
	{
		CodeMethodNotAllowed, NotFound, 405, typInvalid, typInvalid, false, false,
		"this path does not take this method",
		"The `Allow` header lists the methods of the path.",
	},
	{
		CodeWebSocketUnsupported, Invalid, 426, typInvalid, typInvalid, false, false,
		"WebSocket is not served here: use HTTPS with server-sent events",
		"Nothing to do: clients that try a WebSocket first fall back to HTTP.",
	},
	{
		CodeWebSocketRequired, Invalid, 426, typInvalid, typInvalid, false, false,
		"this path is a WebSocket: connect with wss:// or ws://, version 13 of the protocol, over HTTP/1.1",
		"The client sent a plain request, or a proxy in front of Weir dropped the `Upgrade` header.",
	},
	{
		CodeObjectNotFound, NotFound, 404, typInvalid, "not_found_error", false, false,
		"no such object",
		"Ids belong to the tenant that made them, and are known for 30 days. `unknown_ids: forward` on the upstream lets others through where there is one tenant.",
	},
	{
		CodePreviousNotFound, Invalid, 400, typInvalid, typInvalid, false, false,
		"the previous response was not found",
		"As for `not_found`. The client must send the conversation anew.",
	},
	{
		CodeForeignReference, Invalid, 400, typInvalid, typInvalid, false, false,
		"the request refers to something that was not found",
		"As for `not_found`; `param` names the field that holds the id.",
	},
	{
		CodeUnknownProvider, Invalid, 400, typInvalid, typInvalid, false, false,
		"no such provider",
		"The header of `routing.header` names an upstream: compare it with the names under `upstreams`.",
	},
	{
		CodeProviderNotAllowed, Forbidden, 403, typInvalid, "permission_error", false, false,
		"this key may not choose this provider",
		"The header of `routing.header` names an upstream that the key's `may_choose` has not. Add it there, or let the client leave the header out.",
	},
	{
		CodeRuleRefused, Forbidden, 403, typInvalid, "permission_error", false, false,
		"a rule of this gateway refuses the request",
		"One of `routing.rules` holds for the request, and has a `reject`, which is what the client is told.",
	},
	{
		CodeNoTarget, Forbidden, 403, typInvalid, "permission_error", false, false,
		"no target of this model is allowed for this request",
		"The key, or a rule, demands `labels` that no target of the model has. Add a target that has them, or ask for another model.",
	},
	{
		CodeInvalidMultipart, Invalid, 400, typInvalid, typInvalid, false, false,
		"the request body is not valid multipart/form-data",
		"The message says what is wrong: a boundary, a part's header, a part that is there twice or too many of them. A form may have 64 parts, each with 8 KiB of headers; a value, which is a part without a file name, 4 MiB.",
	},
	{
		CodeTransparentRefused, Forbidden, 403, typInvalid, "permission_error", false, false,
		"this key may not use the transparent door",
		"What passes there is not read, so that no policy could hold. Take a key without `models` and without `hosted_tools: refuse`.",
	},
	{
		CodePassthroughRefused, Forbidden, 403, typInvalid, "permission_error", false, false,
		"this key may not use paths that pass to an upstream as they are",
		"What passes there (`passthrough_paths`) is not read, so that no policy could hold. Take a key without `models` and without `hosted_tools: refuse`.",
	},
	{
		CodeMessageTooLarge, TooLarge, 413, typInvalid, "request_too_large", false, false,
		"a WebSocket message is too large",
		"A message may have 16 MiB, whichever side sends it.",
	},
	{
		CodeOverloaded, Limited, 503, typServer, "overloaded_error", true, false,
		"too many request bodies are in memory; try again in 1s",
		"Raise `listen.body_memory`, or `listen.body_disk` where the message speaks of uploads, or add replicas.",
	},
	{
		CodeShuttingDown, Limited, 503, typServer, "overloaded_error", true, false,
		"the server is shutting down; try again in 1s",
		"Nothing to do: another replica, or the restarted one, serves the retry.",
	},
	{
		CodeUpstreamBusy, Limited, 429, "rate_limit_error", "rate_limit_error", true, false,
		"as many requests as are allowed at once are running at the upstream, and no place became free; try again later",
		"Wait for `Retry-After`, raise the upstream's `max_in_flight` or its `queue`, or add a target.",
	},
	{
		CodeFiltered, Filtered, 400, typInvalid, typInvalid, false, true,
		"the upstream's content filter refused the request",
		"The answer says which category. A filtered request is never sent to another upstream.",
	},
	{
		CodeUpstreamAuth, UpstreamAuth, 502, typServer, typAPI, false, false,
		"the upstream refused the gateway's credential",
		"The `auth` of the upstream is wrong or has expired, or lacks a role. The client's own key is not to blame.",
	},
	{
		CodeUpstreamLimited, UpstreamLimited, 429, "rate_limit_error", "rate_limit_error", true, true,
		"the upstream's rate limit was reached",
		"Wait for `Retry-After`, raise the quota at the provider, or add a target.",
	},
	{
		CodeUpstreamQuota, UpstreamLimited, 429, "insufficient_quota", "rate_limit_error", false, true,
		"the account at the upstream has no quota or credit left",
		"Waiting does not help: raise the spending limit or the credit at the provider, or add a target of another account.",
	},
	{
		CodeUpstreamRejected, Invalid, 400, typInvalid, typInvalid, false, true,
		"the upstream refused the request",
		"The upstream's own message names the field.",
	},
	{
		CodeUpstreamFailed, UpstreamUnavailable, 502, typServer, typAPI, true, true,
		"the upstream failed",
		"The upstream answered 5xx. `upstream_status` is its status.",
	},
	{
		CodeModelUnavailable, UpstreamInvalid, 502, typServer, typAPI, false, false,
		"the upstream does not know the model that this name leads to",
		"Compare the target's `model` (Azure: the deployment), the upstream's `endpoint` and its `api_version` with the provider.",
	},
	{
		CodeUpstreamConnect, UpstreamUnavailable, 502, typServer, typAPI, true, false,
		"the upstream could not be reached",
		"The log line holds the cause: name not found, connection refused, no route. Compare `endpoint`.",
	},
	{
		CodeUpstreamTLS, UpstreamUnavailable, 502, typServer, typAPI, false, false,
		"the upstream's certificate or TLS handshake failed",
		"Give the upstream's CA with `ca_file`; `insecure_skip_verify` is for tests only. If the log speaks of a first record that does not look like TLS, the server speaks plain HTTP: write the endpoint with http://.",
	},
	{
		CodeUpstreamLost, UpstreamUnavailable, 502, typServer, typAPI, true, false,
		"the connection to the upstream was lost before it answered",
		"The request may have been carried out. Look at the upstream's own log.",
	},
	{
		CodeUpstreamTruncated, UpstreamInvalid, 502, typServer, typAPI, true, false,
		"the upstream's answer ended too early",
		"The upstream, or a proxy in front of it, cut the answer. What was used until then is in the ledger.",
	},
	{
		CodeUpstreamInvalid, UpstreamInvalid, 502, typServer, typAPI, true, false,
		"the upstream answered something that is not its protocol",
		"Often a proxy's HTML page, or an `endpoint` that is not the API's. The log line shows its beginning.",
	},
	{
		CodeUpstreamTooLarge, UpstreamInvalid, 502, typServer, typAPI, false, false,
		"one event of the upstream's answer is too large",
		"An event of more than 16 MiB is taken for a fault.",
	},
	{
		CodeConnectTimeout, Timeout, 504, typServer, "timeout_error", true, false,
		"the upstream could not be reached in time",
		"`timeouts.connect` of the upstream. Compare `endpoint` and the firewall.",
	},
	{
		CodeFirstByteTimeout, Timeout, 504, typServer, "timeout_error", true, false,
		"the upstream did not begin to answer in time",
		"`timeouts.first_byte` of the upstream. Reasoning models may think for minutes before the first byte.",
	},
	{
		CodeIdleTimeout, Timeout, 504, typServer, "timeout_error", true, false,
		"the upstream fell silent in the middle of its answer",
		"`timeouts.idle` of the upstream.",
	},
	{
		CodeTotalTimeout, Timeout, 504, typServer, "timeout_error", true, false,
		"the upstream's answer took too long",
		"`timeouts.total` of the upstream (whole answers), or `timeouts.stream_total` (streams; off by default).",
	},
	{
		CodeClientClosed, Cancelled, 499, typInvalid, typInvalid, false, false,
		"the client closed the connection",
		"Only in the log and the ledger: nobody is there to be answered.",
	},
	{
		CodeClientTooSlow, Cancelled, 499, typInvalid, typInvalid, false, false,
		"the client did not read its answer in time",
		"Only in the log and the ledger. `listen.timeouts.write` is the limit for one write.",
	},
}
