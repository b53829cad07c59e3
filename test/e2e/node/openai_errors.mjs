// Node openai: bad days. usage: node openai_errors.mjs SPEC
// SPEC is a JSON list of {case, key, model, call, headers, retries, azure}.
import OpenAI, { AzureOpenAI } from 'openai';
import { attempt, key, prompt, url } from './seen.mjs';

const messages = [{ role: 'user', content: prompt }];
const made = {
  chat: async (c, model, more) => (await c.chat.completions.create({ model, messages }, more)).choices[0].message.content,
  'chat stream': async (c, model, more) => {
    let text = '';
    for await (const chunk of await c.chat.completions.create({ model, messages, stream: true }, more))
      text += chunk.choices[0]?.delta.content ?? '';
    return text;
  },
  responses: async (c, model, more) => (await c.responses.create({ model, input: prompt }, more)).output_text,
  'responses stream': async (c, model, more) => {
    let last = '';
    for await (const event of await c.responses.create({ model, input: prompt, stream: true }, more)) {
      if (event.type === 'response.failed') throw new Error(`response.failed ${event.response.error.code}`);
      last = event.type;
    }
    return last;
  },
  embeddings: async (c, model, more) => String((await c.embeddings.create({ model, input: 'x' }, more)).data.length),
};

for (const spec of JSON.parse(process.argv[2])) {
  const options = { apiKey: spec.key ?? key, maxRetries: spec.retries ?? 0, timeout: 20_000 };
  const client = spec.azure
    ? new AzureOpenAI({ ...options, endpoint: url, apiVersion: '2024-10-21' })
    : new OpenAI({ ...options, baseURL: `${url}/v1` });
  await attempt(spec.case, () => made[spec.call](client, spec.model, { headers: spec.headers }));
}
