"""Python openai: good days. usage: openai_calls.py openai|azure MODEL [models]

Strict response validation is on: an answer with a wrong type in it is an error.
It is off where the SDK's own types refuse what OpenAI itself sends: the chunks
of a legacy completion (finish_reason is null until the end), and embeddings in
base64, which it asks for and decodes after validation.
"""

import json
import sys

import openai

from seen import KEY, PROMPT, URL, WEATHER, put, run, usage

CALLS = 'call get_weather {"city":"Paris"}\ncall get_weather {"city":"東京"}'
CHAT_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}
RESPONSES_TOOL = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}


def user(text):
    return [{"role": "user", "content": text}]


def chat(case, client, model):
    r = client.chat.completions.create(model=model, messages=user(PROMPT))
    put(
        case,
        model=r.model,
        text=r.choices[0].message.content,
        finish=r.choices[0].finish_reason,
        usage=usage(r.usage),
        request_id=r._request_id,
    )


def chat_stream(case, client, model, **options):
    stream = client.chat.completions.create(model=model, messages=user(PROMPT), stream=True, **options)
    text, finish, used, usage_chunks, deltas = "", None, None, 0, 0
    for chunk in stream:
        if chunk.usage is not None:
            used, usage_chunks = chunk.usage, usage_chunks + 1
        for choice in chunk.choices:
            if choice.delta.content:
                deltas += 1
                text += choice.delta.content
            finish = choice.finish_reason or finish
    put(
        case,
        text=text,
        finish=finish,
        usage=usage(used),
        usage_chunks=usage_chunks,
        deltas=deltas,
        request_id=stream.response.headers.get("x-request-id"),
    )


def chat_tools(case, client, model):
    messages = user(CALLS)
    r = client.chat.completions.create(model=model, messages=messages, tools=[CHAT_TOOL])
    message = r.choices[0].message
    calls = message.tool_calls or []
    put(
        case + ": call",
        finish=r.choices[0].finish_reason,
        tools=[{"name": c.function.name, "arguments": c.function.arguments} for c in calls],
        usage=usage(r.usage),
    )
    messages.append(message.model_dump(exclude_none=True))
    for c in calls:
        city = json.loads(c.function.arguments)["city"]
        messages.append({"role": "tool", "tool_call_id": c.id, "content": f"sunny in {city}"})
    r = client.chat.completions.create(model=model, messages=messages, tools=[CHAT_TOOL])
    put(case + ": answer", text=r.choices[0].message.content, finish=r.choices[0].finish_reason, usage=usage(r.usage))


def chat_tools_stream(case, client, model):
    with client.chat.completions.stream(
        model=model,
        messages=user(CALLS),
        tools=[{"type": "function", "function": {**CHAT_TOOL["function"], "strict": True}}],
        stream_options={"include_usage": True},
    ) as stream:
        for _ in stream:
            pass
        r = stream.get_final_completion()
    put(
        case,
        finish=r.choices[0].finish_reason,
        tools=[
            {"name": c.function.name, "arguments": c.function.arguments} for c in r.choices[0].message.tool_calls or []
        ],
        usage=usage(r.usage),
    )


def completions(case, client, model):
    r = client.completions.create(model=model, prompt=PROMPT)
    put(case, text=r.choices[0].text, finish=r.choices[0].finish_reason, usage=usage(r.usage))


def completions_stream(case, client, model):
    text, finish, usage_chunks = "", None, 0
    for chunk in client.completions.create(model=model, prompt=PROMPT, stream=True):
        usage_chunks += chunk.usage is not None
        for choice in chunk.choices:
            text += choice.text
            finish = choice.finish_reason or finish
    put(case, text=text, finish=finish, usage_chunks=usage_chunks)


def responses(case, client, model):
    r = client.responses.create(model=model, input=PROMPT)
    put(case, model=r.model, text=r.output_text, finish=r.status, usage=usage(r.usage), request_id=r._request_id)


def thought(response):
    """Open models show what they think itself, where no summary is asked for."""
    return "".join(s.text for o in response.output if o.type == "reasoning" for s in [*o.summary, *(o.content or [])])


def responses_stream(case, client, model, prompt=PROMPT):
    deltas, sequence, kinds = 0, [], []
    with client.responses.stream(model=model, input=prompt) as stream:
        for event in stream:
            sequence.append(event.sequence_number)
            kinds.append(event.type)
            deltas += event.type == "response.output_text.delta"
        r = stream.get_final_response()
    put(
        case,
        text=r.output_text,
        reasoning=thought(r),
        finish=r.status,
        usage=usage(r.usage),
        deltas=deltas,
        ordered=sequence == list(range(len(sequence))) or sequence == list(range(1, len(sequence) + 1)),
        first=kinds[0],
        last=kinds[-1],
    )


def responses_tools(case, client, model):
    history = user(CALLS)
    r = client.responses.create(model=model, input=history, tools=[RESPONSES_TOOL], store=False)
    calls = [o for o in r.output if o.type == "function_call"]
    put(
        case + ": call",
        finish=r.status,
        tools=[{"name": c.name, "arguments": c.arguments} for c in calls],
        usage=usage(r.usage),
    )
    history += [o.model_dump(exclude_none=True) for o in r.output]
    for c in calls:
        city = json.loads(c.arguments)["city"]
        history.append({"type": "function_call_output", "call_id": c.call_id, "output": f"sunny in {city}"})
    with client.responses.stream(model=model, input=history, tools=[RESPONSES_TOOL], store=False) as stream:
        for _ in stream:
            pass
        r = stream.get_final_response()
    put(case + ": answer", text=r.output_text, finish=r.status, usage=usage(r.usage))


def embeddings(case, client, model, **options):
    r = client.embeddings.create(model=model, input=["one", PROMPT], **options)
    put(
        case,
        vectors=[[round(x, 4) for x in d.embedding[:4]] for d in r.data],
        dimensions=sorted({len(d.embedding) for d in r.data}),
        usage=usage(r.usage),
    )


def models(case, client, model):
    ids = [f"{m.object} {m.id} {str(m.created > 0).lower()}" for m in client.models.list()]
    put(case, ids=ids, model=client.models.retrieve(model).id)


def main():
    kind, model = sys.argv[1], sys.argv[2]
    options = {"api_key": KEY, "_strict_response_validation": True, "max_retries": 0, "timeout": 20}
    if kind == "azure":
        made = openai.AzureOpenAI
        options |= {"azure_endpoint": URL, "api_version": "2025-04-01-preview"}
    else:
        made = openai.OpenAI
        options |= {"base_url": URL + "/v1"}
    client = made(**options)
    lenient = made(**options | {"_strict_response_validation": False})
    run("chat", chat, client, model)
    run("chat stream", chat_stream, client, model)
    run("chat stream with usage", chat_stream, client, model, stream_options={"include_usage": True})
    run("chat tools", chat_tools, client, model)
    run("chat tools stream", chat_tools_stream, client, model)
    run("completions", completions, client, model)
    run("completions stream", completions_stream, lenient, model)
    run("responses", responses, client, model)
    run("responses stream", responses_stream, client, model)
    run("responses reasoning", responses_stream, client, model, prompt="think first")
    run("responses tools", responses_tools, client, model)
    run("embeddings", embeddings, lenient, model)
    run("embeddings float", embeddings, client, model, encoding_format="float")
    if sys.argv[3:] == ["models"]:  # Weir's own list; the simulator has another
        run("models", models, client, model)


if __name__ == "__main__":
    main()
