"""Python openai: images, sound and moderations. usage: media_calls.py openai|azure MODEL [moderations]"""

import base64
import hashlib
import struct
import sys

import openai

from seen import KEY, PROMPT, URL, put, run, usage

PICTURE = ("p.png", b"\x89PNG\r\n\x1a\n", "image/png")
SOUND = ("Grüße \"1\".wav", b"RIFF\r\n--\x00\xff" * 10_000, "audio/wav")


def said(encoded):
    """The text that a picture of the simulator carries."""
    data, at = base64.b64decode(encoded, validate=True), 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"iTXt":
            return data[at + 8 : at + 8 + length].split(b"\x00", 5)[5].decode()
        at += 12 + length
    return None


def picture(case, client, model):
    r = client.images.generate(model=model, prompt=PROMPT, n=2)
    put(case, text=said(r.data[0].b64_json), deltas=len(r.data), usage=usage(r.usage), request_id=r._request_id)


def picture_stream(case, client, model):
    stream = client.images.generate(model=model, prompt=PROMPT, stream=True, partial_images=2)
    kinds, last = [], None
    for last in stream:
        kinds.append(last.type)
    put(case, text=said(last.b64_json), first=kinds[0], last=kinds[-1], deltas=len(kinds), usage=usage(last.usage))


def edit(case, client, model):
    r = client.images.edit(model=model, image=[PICTURE, PICTURE], prompt=PROMPT)
    put(case, text=said(r.data[0].b64_json), usage=usage(r.usage))


def edit_stream(case, client, model):
    kinds, last = [], None
    for last in client.images.edit(model=model, image=PICTURE, prompt="x", stream=True, partial_images=1):
        kinds.append(last.type)
    put(case, text=said(last.b64_json), first=kinds[0], last=kinds[-1], usage=usage(last.usage))


def transcription(case, client, model):
    r = client.audio.transcriptions.create(model=model, file=SOUND, language="de", include=["logprobs"])
    put(case, text=r.text, usage=usage(r.usage))


def transcription_text(case, client, model):
    put(case, text=client.audio.transcriptions.create(model=model, file=SOUND, response_format="text"))


def transcription_stream(case, client, model):
    text, kinds, last = "", [], None
    for last in client.audio.transcriptions.create(model=model, file=SOUND, stream=True):
        kinds.append(last.type)
        text += last.delta if last.type == "transcript.text.delta" else ""
    put(case, text=text, finish=str(text == last.text), last=kinds[-1], deltas=len(kinds), usage=usage(last.usage))


def speech(case, client, model):
    digest, pieces = hashlib.sha256(), 0
    with client.audio.speech.with_streaming_response.create(
        model=model, voice="alloy", input=PROMPT, response_format="wav"
    ) as r:
        for piece in r.iter_bytes():
            digest.update(piece)
            pieces += 1
        put(case, text=digest.hexdigest(), finish=r.headers["content-type"], deltas=pieces)


def moderation(case, client, model):
    r = client.moderations.create(model=model, input=["violence", "peace"])
    put(case, text=" ".join(str(one.flagged).lower() for one in r.results))


def main():
    kind, model = sys.argv[1], sys.argv[2]
    options = {"api_key": KEY, "_strict_response_validation": True, "max_retries": 0, "timeout": 20}
    if kind == "azure":
        client = openai.AzureOpenAI(azure_endpoint=URL, api_version="2025-04-01-preview", **options)
    else:
        client = openai.OpenAI(base_url=URL + "/v1", **options)
    run("image", picture, client, model)
    run("image stream", picture_stream, client, model)
    run("image edit", edit, client, model)
    run("image edit stream", edit_stream, client, model)
    run("transcription", transcription, client, model)
    run("transcription text", transcription_text, client, model)
    run("transcription stream", transcription_stream, client, model)
    run("speech", speech, client, model)
    if sys.argv[3:] == ["moderations"]:
        run("moderation", moderation, client, model)


if __name__ == "__main__":
    main()
