"""Python openai: what applications use beyond a plain answer, with strict
response validation. usage: openai_more.py MODEL
"""

import sys

import openai
from pydantic import BaseModel

from seen import KEY, PROMPT, URL, WEATHER, put, run, usage

CHAT_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER, "strict": True}}
TOOL = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}
NOTE = {"type": "custom", "name": "note", "description": "Takes notes."}


class Place(BaseModel):
    name: str
    size: int
    open: bool


def user(text):
    return [{"role": "user", "content": text}]


def shown(place):
    return place.model_dump_json() if place is not None else None


def chat_parse(case, client, model):
    r = client.chat.completions.parse(model=model, messages=user("a place"), response_format=Place)
    put(case, text=shown(r.choices[0].message.parsed), finish=r.choices[0].finish_reason, usage=usage(r.usage))


def chat_parse_stream(case, client, model):
    with client.chat.completions.stream(model=model, messages=user("a place"), response_format=Place) as stream:
        for _ in stream:
            pass
        r = stream.get_final_completion()
    put(case, text=shown(r.choices[0].message.parsed), finish=r.choices[0].finish_reason)


def chat_required(case, client, model):
    r = client.chat.completions.create(model=model, messages=user("hi"), tools=[CHAT_TOOL], tool_choice="required")
    calls = r.choices[0].message.tool_calls or []
    put(
        case,
        finish=r.choices[0].finish_reason,
        tools=[{"name": c.function.name, "arguments": c.function.arguments} for c in calls],
        usage=usage(r.usage),
    )


def responses_parse(case, client, model):
    r = client.responses.parse(model=model, input="a place", text_format=Place)
    put(case, text=shown(r.output_parsed), finish=r.status, usage=usage(r.usage))


def responses_stream(case, client, model, **options):
    with client.responses.stream(model=model, store=False, **options) as stream:
        sequence = [event.sequence_number for event in stream]
        r = stream.get_final_response()
    calls = [o for o in r.output if o.type in ("function_call", "custom_tool_call")]
    put(
        case,
        text=r.output_text,
        reasoning="".join(s.text for o in r.output if o.type == "reasoning" for s in o.summary),
        finish=r.status,
        tools=[{"name": c.name, "arguments": c.arguments if c.type == "function_call" else c.input} for c in calls],
        ordered=sequence == list(range(len(sequence))),
        usage=usage(r.usage),
    )


def responses_limit(case, client, model):
    r = client.responses.create(model=model, input="a long one " * 20, max_output_tokens=16)
    put(case, text=r.output_text, finish=f"{r.status}: {r.incomplete_details.reason}", usage=usage(r.usage))


def input_tokens(case, client, model):
    r = client.responses.input_tokens.count(model=model, input=PROMPT)
    put(case, text=r.object, usage={"input": r.input_tokens})


def main():
    model = sys.argv[1]
    client = openai.OpenAI(
        api_key=KEY, base_url=URL + "/v1", _strict_response_validation=True, max_retries=0, timeout=20
    )
    run("chat parse", chat_parse, client, model)
    run("chat parse stream", chat_parse_stream, client, model)
    run("chat required tool", chat_required, client, model)
    run("responses parse", responses_parse, client, model)
    run("responses parse stream", responses_stream, client, model, input="a place", text_format=Place)
    run("responses required tool", responses_stream, client, model, input="hi", tools=[TOOL], tool_choice="required")
    run("responses custom tool", responses_stream, client, model, input="hi", tools=[NOTE], tool_choice="required")
    run("responses token limit", responses_limit, client, model)
    run(
        "responses reasoning summary",
        responses_stream,
        client,
        model,
        input="think first",
        reasoning={"effort": "medium", "summary": "auto"},
    )
    run("responses instructions", responses_stream, client, model, input=PROMPT, instructions="Be brief.")
    run("input tokens", input_tokens, client, model)


if __name__ == "__main__":
    main()
