// @anthropic-ai/sdk: good days. usage: node anthropic_calls.mjs MODEL [models]
import Anthropic from '@anthropic-ai/sdk';
import { calls, key, prompt, put, run, url, weather } from './seen.mjs';

const [model] = process.argv.slice(2);
const client = new Anthropic({ apiKey: key, baseURL: url, maxRetries: 0, timeout: 20_000 });
const user = (content) => [{ role: 'user', content }];
const tools = [{ name: 'get_weather', input_schema: weather }];
const used = (u) => ({
  // Anthropic counts cached input beside the input, all others within it.
  input: u.input_tokens + (u.cache_read_input_tokens ?? 0) + (u.cache_creation_input_tokens ?? 0),
  output: u.output_tokens,
  total: u.input_tokens + (u.cache_read_input_tokens ?? 0) + (u.cache_creation_input_tokens ?? 0) + u.output_tokens,
  cached: u.cache_read_input_tokens ?? 0,
  reasoning: u.output_tokens_details?.thinking_tokens ?? 0,
});
const textOf = (m) => m.content.flatMap((b) => (b.type === 'text' ? [b.text] : [])).join('');
const toolsOf = (m) =>
  m.content.flatMap((b) => (b.type === 'tool_use' ? [{ name: b.name, arguments: JSON.stringify(b.input) }] : []));

await run('messages', async (name) => {
  const m = await client.messages.create({ model, max_tokens: 1000, messages: user(prompt) });
  put({
    case: name,
    model: m.model,
    text: textOf(m),
    finish: m.stop_reason,
    usage: used(m.usage),
    request_id: m._request_id,
  });
});

async function stream(name, messages, more) {
  const kinds = new Set();
  const s = client.messages.stream({ model, max_tokens: 4000, messages, ...more });
  s.on('streamEvent', (event) => kinds.add(event.type));
  const m = await s.finalMessage();
  put({
    case: name,
    text: textOf(m),
    reasoning: m.content.flatMap((b) => (b.type === 'thinking' ? [b.thinking] : [])).join(''),
    signed: m.content.every((b) => b.type !== 'thinking' || b.signature.length > 0),
    tools: toolsOf(m),
    finish: m.stop_reason,
    usage: used(m.usage),
    events: [...kinds],
  });
  return m;
}

await run('messages stream', (name) => stream(name, user(prompt)));
await run('messages thinking', (name) =>
  stream(name, user('think first'), { thinking: { type: 'enabled', budget_tokens: 1024 } }),
);

await run('messages tools', async (name) => {
  const messages = user(calls);
  const m = await stream(`${name}: call`, messages, { tools });
  messages.push({ role: 'assistant', content: m.content });
  messages.push({
    role: 'user',
    content: m.content.flatMap((b) =>
      b.type === 'tool_use' ? [{ type: 'tool_result', tool_use_id: b.id, content: `sunny in ${b.input.city}` }] : [],
    ),
  });
  const answer = await client.messages.create({ model, max_tokens: 1000, messages, tools });
  put({ case: `${name}: answer`, text: textOf(answer), finish: answer.stop_reason, usage: used(answer.usage) });
});

await run('messages betas', async (name) => {
  const m = await client.beta.messages.create({
    model,
    max_tokens: 1000,
    messages: user(prompt),
    betas: ['context-1m-2025-08-07', 'token-efficient-tools-2025-02-19'],
  });
  put({ case: name, text: textOf(m), finish: m.stop_reason, usage: used(m.usage) });
});

await run('count tokens', async (name) => {
  const r = await client.messages.countTokens({ model, messages: user(prompt) });
  put({ case: name, usage: { input: r.input_tokens } });
});

// Weir's own list; the simulator has another.
if (process.argv[3] === 'models')
  await run('models', async (name) => {
    const ids = [];
    for await (const m of client.models.list()) ids.push(`${m.type} ${m.id} ${m.created_at > '' && m.display_name > ''}`);
    const one = await client.models.retrieve(model);
    put({ case: name, ids, model: one.id });
  });
