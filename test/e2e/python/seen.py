"""Prints what a client saw, one JSON object per line.

One line is one exchange as the SDK's user sees it. The Go test compares the
lines with what it expects, with what the simulator served and with Weir's log.
"""

import json
import os
import sys
import traceback

URL = os.environ["WEIR_URL"].rstrip("/")
KEY = os.environ["WEIR_KEY"]
PROMPT = os.environ.get("WEIR_PROMPT", 'Grüße, 世界 🌊 "quoted" \\ back')

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def put(case, **what):
    print(json.dumps({"case": case, **what}), flush=True)


def run(case, call, *args, **kwargs):
    """Runs one case. A fault is a line too, so that the rest still runs."""
    try:
        call(case, *args, **kwargs)
    except Exception as fault:  # noqa: BLE001 - everything is reported
        put(case, fault=repr(fault))
        traceback.print_exc(file=sys.stderr)


def usage(u):
    """Usage in one shape, whatever the dialect calls its members."""
    if u is None:
        return None
    u = u.model_dump()
    inner = u.get("prompt_tokens_details") or u.get("input_tokens_details") or {}
    outer = u.get("completion_tokens_details") or u.get("output_tokens_details") or {}
    return {
        "input": u.get("prompt_tokens", u.get("input_tokens")),
        "output": u.get("completion_tokens", u.get("output_tokens")) or 0,
        "total": u["total_tokens"],
        "cached": inner.get("cached_tokens") or 0,
        "reasoning": outer.get("reasoning_tokens") or 0,
    }
