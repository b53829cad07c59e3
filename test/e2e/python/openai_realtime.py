"""Python openai: realtime sessions. usage: openai_realtime.py openai|azure MODEL"""

import sys
from contextlib import contextmanager

import openai
from websockets.exceptions import InvalidStatus

from seen import KEY, PROMPT, URL, put, run, usage


def client(kind, key):
    if kind == "azure":
        return openai.AzureOpenAI(api_key=key, azure_endpoint=URL, api_version="2025-04-01-preview", max_retries=0)
    return openai.OpenAI(api_key=key, base_url=URL + "/v1", max_retries=0)


@contextmanager
def session(kind, key, model):
    """Opens a session. Over TLS this client reads in one thread while it writes
    in another, on a connection that is not made for it: on a busy machine its
    request does not always leave. Then it tries again, as a user would."""
    for left in (2, 1, 0):
        manager = client(kind, key).realtime.connect(model=model)
        try:
            connection = manager.__enter__()
            break
        except TimeoutError:
            if kind != "azure" or left == 0:
                raise
    try:
        yield connection
    finally:
        manager.__exit__(None, None, None)


def await_event(connection, kind, types):
    """Returns the next event of a kind; all types on the way are noted."""
    while True:
        event = connection.recv()
        if event.type not in types:
            types.append(event.type)
        if event.type == kind:
            return event
        if event.type == "error":
            raise RuntimeError(event.error.message)


def conversation(case, kind, model):
    types, text = [], ""
    with session(kind, KEY, model) as connection:
        await_event(connection, "session.created", types)
        connection.session.update(session={"type": "realtime", "model": model, "output_modalities": ["text"]})
        await_event(connection, "session.updated", types)
        connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": PROMPT}]}
        )
        connection.response.create()
        while True:
            event = connection.recv()
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.done":
                break
    put(case, text=text, first=types[0], finish=event.response.status, usage=usage(event.response.usage))


def another_model(case, kind, model):
    """A session that asks for another model goes on with its own."""
    types = []
    with session(kind, KEY, model) as connection:
        await_event(connection, "session.created", types)
        connection.session.update(session={"type": "realtime", "model": "another"}, event_id="mine")
        event = connection.recv()
    put(case, first=event.type, finish=event.error.param, ids=[event.error.event_id])


def refused(case, kind, model):
    try:
        with session(kind, KEY + "-wrong", model):
            put(case, fault="a wrong key is served")
    except InvalidStatus as e:
        put(case, error={"status": e.response.status_code})


if __name__ == "__main__":
    for call in (conversation, another_model, refused):
        run(call.__name__, call, sys.argv[1], sys.argv[2])
