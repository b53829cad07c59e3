"""Python openai: what a user of Azure OpenAI runs, with endpoint and key from
the environment as ever. usage: azure_program.py [stream]"""

import os
import sys

from openai import AzureOpenAI

client = AzureOpenAI(
    azure_endpoint=os.getenv("AOAI_ENDPOINT"),
    api_key=os.getenv("AOAI_KEY"),
    api_version="2024-07-01-preview",
)
question = dict(
    model="gpt-4o",
    messages=[
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "こんにちは、元気ですか？"},
    ],
)
if "stream" in sys.argv:
    for chunk in client.chat.completions.create(**question, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            print(chunk.choices[0].delta.content, end="", flush=True)
    print()
else:
    print(client.chat.completions.create(**question).choices[0].message.content)
