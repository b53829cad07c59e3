// Prints what a client saw, one JSON object per line, one line per exchange.
// The Go test compares the lines with what it expects, with what the simulator
// served and with Weir's log.

export const url = process.env.WEIR_URL.replace(/\/$/, '');
export const key = process.env.WEIR_KEY;
export const prompt = process.env.WEIR_PROMPT ?? 'Grüße, 世界 🌊 "quoted" \\ back';
export const calls = 'call get_weather {"city":"Paris"}\ncall get_weather {"city":"東京"}';
export const weather = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};

export function put(what) {
  console.log(JSON.stringify(what));
}

// run reports a fault as a line too, so that the rest still runs.
export async function run(name, call) {
  try {
    await call(name);
  } catch (fault) {
    put({ case: name, fault: `${fault?.name}: ${fault?.message}` });
    console.error(name, fault?.stack);
  }
}

// usage is in one shape, whatever the dialect calls its members.
export function usage(u) {
  if (u == null) return null;
  const inner = u.prompt_tokens_details ?? u.input_tokens_details ?? {};
  const outer = u.completion_tokens_details ?? u.output_tokens_details ?? {};
  const input = u.prompt_tokens ?? u.input_tokens;
  const output = u.completion_tokens ?? u.output_tokens ?? 0;
  return {
    input,
    output,
    total: u.total_tokens ?? input + output,
    cached: inner.cached_tokens ?? 0,
    reasoning: outer.reasoning_tokens ?? 0,
  };
}

// failure is what an SDK's exception tells its user.
export function failure(e) {
  const headers = {};
  const from = e?.headers ?? e?.responseHeaders;
  for (const h of ['retry-after', 'retry-after-ms', 'x-should-retry', 'x-request-id', 'content-type']) {
    const value = typeof from?.get === 'function' ? from.get(h) : from?.[h];
    if (value != null) headers[h] = value;
  }
  return {
    class: e?.constructor?.name ?? e?.name,
    message: String(e?.message ?? e),
    status: e?.status ?? e?.statusCode,
    code: e?.code,
    type: e?.type,
    // The AI SDK has no name for it.
    request_id: e && 'requestID' in e ? e.requestID : headers['x-request-id'],
    headers,
  };
}

// attempt runs one call of an error test and reports its end.
export async function attempt(name, call) {
  const begun = performance.now();
  let text = null;
  let error = null;
  try {
    text = await call();
  } catch (e) {
    error = failure(e);
  }
  put({ case: name, text, error, seconds: Math.round(performance.now() - begun) / 1000 });
}
