"""Python openai: what is kept. usage: objects_calls.py openai|azure MODEL [chat|kept]"""

import sys

import openai

from seen import KEY, PROMPT, URL, put, run, usage


def fault_of(call):
    """What the user sees of a call that must fail."""
    try:
        call()
    except openai.APIStatusError as e:
        return f"{type(e).__name__} {e.status_code}"
    return "nothing failed"


def retrieve(case, client, model):
    made = client.responses.create(model=model, input=PROMPT)
    r = client.responses.retrieve(made.id, include=["message.output_text.logprobs"])
    put(case, text=r.output_text, finish=r.status, ordered=r.id == made.id, usage=usage(r.usage))


def input_items(case, client, model):
    made = client.responses.create(model=model, input=[{"role": "user", "content": t} for t in ("one", PROMPT, "three")])
    page = client.responses.input_items.list(made.id, limit=2, order="asc")
    texts = [item.content[0].text for item in page]  # all pages
    put(case, text=" | ".join(texts), deltas=len(page.data))


def resume(case, client, model):
    made = client.responses.create(model=model, input=PROMPT)
    events = list(client.responses.retrieve(made.id, stream=True, starting_after=3))
    put(
        case,
        text=events[-1].response.output[0].content[0].text,
        first=events[0].type,
        last=events[-1].type,
        deltas=len(events),
        ordered=[e.sequence_number for e in events] == list(range(4, 4 + len(events))),
    )


def cancel(case, client, model):
    made = client.responses.create(model=model, input=PROMPT, background=True)
    r = client.responses.cancel(made.id)
    put(case, text=made.status, finish=r.status)


def poll(case, client, model):
    r = client.responses.create(model=model, input=PROMPT, background=True)
    for _ in range(20):
        if r.status not in ("queued", "in_progress"):
            break
        r = client.responses.retrieve(r.id)
    put(case, text=r.output_text, finish=r.status, usage=usage(r.usage))


def go_on(case, client, model):
    first = client.responses.create(model=model, input=PROMPT)
    second = client.responses.create(model=model, input="and then", previous_response_id=first.id)
    reference = {"type": "item_reference", "id": second.output[0].id}
    third = client.responses.create(model=model, input=[reference, {"role": "user", "content": "at last"}])
    put(case, text=f"{second.output_text} {third.output_text}", usage=usage(second.usage))


def stream_on(case, client, model):
    """A conversation that is streamed, and looked at as it stands."""
    previous, texts = None, []
    for prompt in (PROMPT, "and then", "at last"):
        extra = {"previous_response_id": previous} if previous else {}
        with client.responses.stream(model=model, input=prompt, **extra) as stream:
            for _ in stream:
                pass
            r = stream.get_final_response()
        kept = client.responses.retrieve(r.id)
        texts.append(f"{kept.output_text} {kept.previous_response_id == previous} {r.store}")
        previous = r.id
    put(case, text=" ".join(texts))


def not_running(case, client, model):
    made = client.responses.create(model=model, input=PROMPT)
    put(case, text=fault_of(lambda: client.responses.cancel(made.id)))


def delete(case, client, model):
    made = client.responses.create(model=model, input=PROMPT)
    client.responses.delete(made.id)
    again = fault_of(lambda: client.responses.retrieve(made.id))
    on = fault_of(lambda: client.responses.create(model=model, input="x", previous_response_id=made.id))
    put(case, text=f"{again}, {on}")


def input_tokens(case, client, model):
    r = client.responses.input_tokens.count(model=model, input=PROMPT)
    put(case, text=f"{r.object} {r.input_tokens}")


def compact(case, client, model):
    made = client.responses.create(model=model, input=PROMPT)
    r = client.responses.compact(model=model, previous_response_id=made.id)
    put(case, text=f"{r.object} {[item.type for item in r.output]}", usage=usage(r.usage))


def chat(case, client, model):
    made = client.chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}], store=True)
    r = client.chat.completions.retrieve(made.id)
    messages = [m.content for m in client.chat.completions.messages.list(made.id)]
    updated = client.chat.completions.update(made.id, metadata={"a": "b"})
    gone = client.chat.completions.delete(made.id)
    again = fault_of(lambda: client.chat.completions.retrieve(made.id))
    put(
        case,
        text=r.choices[0].message.content,
        finish=f"{messages} {updated.metadata} {gone.deleted} {again}",
        usage=usage(r.usage),
    )


def main():
    kind, model = sys.argv[1], sys.argv[2]
    options = {"api_key": KEY, "max_retries": 0, "timeout": 20}
    if kind == "azure":
        client = openai.AzureOpenAI(azure_endpoint=URL, api_version="2025-04-01-preview", **options)
    else:
        client = openai.OpenAI(base_url=URL + "/v1", **options)
    run("retrieve", retrieve, client, model)
    run("input items", input_items, client, model)
    if sys.argv[3:] == ["kept"]:
        run("go on", go_on, client, model)
        run("stream on", stream_on, client, model)
        run("cancel", not_running, client, model)
        run("delete", delete, client, model)
        return
    run("resume", resume, client, model)
    run("cancel", cancel, client, model)
    run("poll", poll, client, model)
    run("go on", go_on, client, model)
    run("delete", delete, client, model)
    if sys.argv[3:] == ["chat"]:
        run("input tokens", input_tokens, client, model)
        run("compact", compact, client, model)
        run("chat", chat, client, model)


if __name__ == "__main__":
    main()
