// @anthropic-ai/sdk: what agents and applications use beyond a plain answer.
// usage: node anthropic_more.mjs MODEL
import Anthropic from '@anthropic-ai/sdk';
import { key, prompt, put, run, url, weather } from './seen.mjs';

const [model] = process.argv.slice(2);
const client = new Anthropic({ apiKey: key, baseURL: url, maxRetries: 0, timeout: 20_000 });
const user = (content) => [{ role: 'user', content }];
const tool = { name: 'get_weather', description: 'Tells the weather.', input_schema: weather };
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } };

async function ask(name, body) {
  const m = await client.messages.stream({ model, max_tokens: 2000, ...body }).finalMessage();
  put({
    case: name,
    text: m.content.flatMap((b) => (b.type === 'text' ? [b.text] : [])).join(''),
    reasoning: m.content.flatMap((b) => (b.type === 'thinking' ? [b.thinking] : [])).join(''),
    tools: m.content.flatMap((b) => (b.type === 'tool_use' ? [{ name: b.name, arguments: JSON.stringify(b.input) }] : [])),
    finish: m.stop_reason + (m.stop_sequence ? `: ${m.stop_sequence}` : ''),
  });
  return m;
}

await run('system blocks', (name) =>
  ask(name, {
    system: [
      { type: 'text', text: 'Be brief.' },
      { type: 'text', text: 'Be kind.', cache_control: { type: 'ephemeral' } },
    ],
    messages: user(prompt),
  }),
);
await run('image', (name) => ask(name, { messages: user([image, { type: 'text', text: prompt }]) }));
await run('any tool', (name) => ask(name, { messages: user('hello'), tools: [tool], tool_choice: { type: 'any' } }));
await run('named tool', (name) =>
  ask(name, { messages: user('hello'), tools: [tool], tool_choice: { type: 'tool', name: 'get_weather' } }),
);
await run('no tool', (name) => ask(name, { messages: user('hello'), tools: [tool], tool_choice: { type: 'none' } }));
await run('one tool at a time', (name) =>
  ask(name, { messages: user('hello'), tools: [tool], tool_choice: { type: 'auto', disable_parallel_tool_use: true } }),
);
await run('token limit', (name) => ask(name, { messages: user('a long one '.repeat(20)), max_tokens: 16 }));
await run('temperature', (name) => ask(name, { messages: user(prompt), temperature: 0.5 }));
await run('stop sequences', (name) => ask(name, { messages: user(prompt), stop_sequences: ['never'] }));
await run('thinking and tools', async (name) => {
  const thinking = { type: 'enabled', budget_tokens: 1024 };
  const messages = user('think, then call get_weather {"city":"Paris"}');
  const m = await ask(name, { messages, tools: [tool], thinking });
  messages.push({ role: 'assistant', content: m.content });
  messages.push({
    role: 'user',
    content: m.content.flatMap((b) =>
      b.type === 'tool_use' ? [{ type: 'tool_result', tool_use_id: b.id, content: 'sunny' }] : [],
    ),
  });
  await ask(`${name}: goes on`, { messages, tools: [tool], thinking });
});
const result = (content, more) => [
  ...user('what is it like?'),
  { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Paris' } }] },
  { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content, ...more }] },
];
await run('tool that failed', (name) => ask(name, { messages: result('no such city', { is_error: true }), tools: [tool] }));
await run('tool that gives an image', (name) =>
  ask(name, { messages: result([{ type: 'text', text: 'sunny' }, image]), tools: [tool] }),
);
await run('web search', (name) =>
  ask(name, { messages: user('hello'), tools: [{ type: 'web_search_20250305', name: 'web_search' }, tool] }),
);
await run('structured output', (name) =>
  ask(name, {
    messages: user('a place'),
    output_config: {
      format: {
        type: 'json_schema',
        schema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'], additionalProperties: false },
      },
    },
  }),
);
