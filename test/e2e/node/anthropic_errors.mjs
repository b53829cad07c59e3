// @anthropic-ai/sdk: bad days. usage: node anthropic_errors.mjs SPEC
// SPEC is a JSON list of {case, key, model, call, headers, retries}.
import Anthropic from '@anthropic-ai/sdk';
import { attempt, key, prompt, url } from './seen.mjs';

const body = (model) => ({ model, max_tokens: 1000, messages: [{ role: 'user', content: prompt }] });
const made = {
  messages: async (c, model, more) => (await c.messages.create(body(model), more)).content[0].text,
  'messages stream': async (c, model, more) => (await c.messages.stream(body(model), more).finalMessage()).content[0].text,
  'count tokens': async (c, model, more) =>
    String((await c.messages.countTokens({ model, messages: body(model).messages }, more)).input_tokens),
};

for (const spec of JSON.parse(process.argv[2])) {
  const client = new Anthropic({
    apiKey: spec.key ?? key,
    baseURL: url,
    maxRetries: spec.retries ?? 0,
    timeout: 20_000,
  });
  await attempt(spec.case, async () => {
    try {
      return await made[spec.call](client, spec.model, { headers: spec.headers });
    } catch (e) {
      const body = e?.error?.error; // {type:"error", error:{type, message, …}}
      throw Object.assign(e, { code: body?.code, type: body?.type ?? e?.type });
    }
  });
}
