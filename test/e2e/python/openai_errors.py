"""Python openai: bad days. usage: openai_errors.py SPEC

SPEC is a JSON list of {case, key, model, call, headers, retries}; the Go test
knows what each of them must lead to.
"""

import json
import sys
import time

import openai

from seen import KEY, PROMPT, URL, put

HEADERS = ("retry-after", "retry-after-ms", "x-should-retry", "x-request-id", "content-type")


def client(spec):
    options = {"api_key": spec.get("key", KEY), "max_retries": spec.get("retries", 0), "timeout": 20}
    if spec.get("azure"):
        return openai.AzureOpenAI(azure_endpoint=URL, api_version="2024-10-21", **options)
    return openai.OpenAI(base_url=URL + "/v1", _strict_response_validation=True, **options)


def chat(c, model, headers):
    r = c.chat.completions.create(
        model=model, messages=[{"role": "user", "content": PROMPT}], extra_headers=headers
    )
    return r.choices[0].message.content


def chat_stream(c, model, headers):
    text = ""
    for chunk in c.chat.completions.create(
        model=model, messages=[{"role": "user", "content": PROMPT}], stream=True, extra_headers=headers
    ):
        for choice in chunk.choices:
            text += choice.delta.content or ""
    return text


def responses(c, model, headers):
    return c.responses.create(model=model, input=PROMPT, extra_headers=headers).output_text


def responses_stream(c, model, headers):
    kinds = []
    for event in c.responses.create(model=model, input=PROMPT, stream=True, extra_headers=headers):
        kinds.append(event.type)
        if event.type == "response.failed":
            error = event.response.error
            raise RuntimeError(f"response.failed {error.code}")
    return kinds[-1]


def embeddings(c, model, headers):
    return str(len(c.embeddings.create(model=model, input="x", extra_headers=headers).data))


CALLS = {
    "chat": chat,
    "chat stream": chat_stream,
    "responses": responses,
    "responses stream": responses_stream,
    "embeddings": embeddings,
}


def main():
    for spec in json.loads(sys.argv[1]):
        begun, text, error = time.monotonic(), None, None
        try:
            text = CALLS[spec["call"]](client(spec), spec["model"], spec.get("headers"))
        except Exception as e:  # noqa: BLE001 - the exception is what is tested
            error = {"class": type(e).__name__, "message": str(e)}
            if isinstance(e, openai.APIError):
                error |= {"code": e.code, "type": e.type, "param": e.param}
            if isinstance(e, openai.APIStatusError):
                error |= {
                    "status": e.status_code,
                    "request_id": e.request_id,
                    "headers": {h: e.response.headers[h] for h in HEADERS if h in e.response.headers},
                }
        put(spec["case"], text=text, error=error, seconds=round(time.monotonic() - begun, 3))


if __name__ == "__main__":
    main()
