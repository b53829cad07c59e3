package upstream

import "net/url"

const openAIEndpoint = "https://api.openai.com"

// planOpenAI is for OpenAI's own API: everything below /v1, the key as Bearer.
//
// Source: https://platform.openai.com/docs/api-reference/authentication.
func planOpenAI(base *url.URL) plan {
	v1 := versioned(base)
	return plan{
		fixed: urls(v1, openAIOperations...),
		root:  unversioned(base),
		v1:    v1,
		key:   asBearer,
		pass:  passBearer,
	}
}
