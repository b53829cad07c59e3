// Node openai: what agents and applications use beyond a plain answer. Chat and
// Responses ask the same. usage: node openai_more.mjs MODEL
import OpenAI from 'openai';
import { calls, key, prompt, put, run, url, usage, weather } from './seen.mjs';

const [model] = process.argv.slice(2);
const client = new OpenAI({ apiKey: key, maxRetries: 0, timeout: 20_000, baseURL: `${url}/v1` });
const user = (content) => [{ role: 'user', content }];
const schema = {
  type: 'object',
  properties: { name: { type: 'string' }, size: { type: 'integer' }, kind: { type: 'string', enum: ['weir', 'dam'] } },
  required: ['name', 'size', 'kind'],
  additionalProperties: false,
};
const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const chatTool = { type: 'function', function: { name: 'get_weather', parameters: weather, strict: true } };
const tool = { type: 'function', name: 'get_weather', parameters: weather, strict: true };

const chat = async (name, body) => {
  const r = await client.chat.completions.create({ model, ...body });
  const { message, finish_reason: finish } = r.choices[0];
  put({
    case: name,
    text: message.content ?? '',
    finish,
    tools: (message.tool_calls ?? []).map((c) => ({ name: c.function.name, arguments: c.function.arguments })),
    usage: usage(r.usage),
  });
};
const responses = async (name, body) => {
  const r = await client.responses.stream({ model, store: false, ...body }).finalResponse();
  put({
    case: name,
    text: r.output_text,
    finish: r.status + (r.incomplete_details ? `: ${r.incomplete_details.reason}` : ''),
    tools: r.output.flatMap((o) =>
      o.type === 'function_call'
        ? [{ name: o.name, arguments: o.arguments }]
        : o.type === 'custom_tool_call'
          ? [{ name: o.name, arguments: o.input }]
          : [],
    ),
    usage: usage(r.usage),
  });
};
const format = { type: 'json_schema', name: 'place', schema, strict: true };

await run('chat structured output', (name) =>
  chat(name, {
    messages: user('a place'),
    response_format: { type: 'json_schema', json_schema: { name: 'place', schema, strict: true } },
  }),
);
await run('chat parse stream', async (name) => {
  const r = await client.chat.completions
    .stream({
      model,
      messages: user('a place'),
      response_format: { type: 'json_schema', json_schema: { name: 'place', schema, strict: true } },
    })
    .finalChatCompletion();
  put({ case: name, text: r.choices[0].message.content, finish: r.choices[0].finish_reason });
});
await run('chat json object', (name) =>
  chat(name, { messages: user('json please'), response_format: { type: 'json_object' } }),
);
await run('chat instructions', (name) =>
  chat(name, { messages: [{ role: 'system', content: 'Be brief.' }, { role: 'developer', content: 'Be kind.' }, ...user(prompt)] }),
);
await run('chat image', (name) =>
  chat(name, { messages: user([{ type: 'text', text: prompt }, { type: 'image_url', image_url: { url: pixel } }]) }),
);
await run('chat required tool', (name) =>
  chat(name, { messages: user('hello'), tools: [chatTool], tool_choice: 'required' }),
);
await run('chat named tool', (name) =>
  chat(name, { messages: user('hello'), tools: [chatTool], tool_choice: { type: 'function', function: { name: 'get_weather' } } }),
);
await run('chat no tool', (name) => chat(name, { messages: user('hello'), tools: [chatTool], tool_choice: 'none' }));
await run('chat one tool at a time', (name) =>
  chat(name, { messages: user('hello'), tools: [chatTool], parallel_tool_calls: false }),
);
await run('chat token limit', (name) =>
  chat(name, { messages: user('a long sentence that is cut somewhere'), max_completion_tokens: 4 }),
);
await run('chat sampling', (name) =>
  chat(name, { messages: user(prompt), temperature: 0.5, top_p: 0.9, stop: ['never'], seed: 7, presence_penalty: 0.1 }),
);
await run('chat two choices', (name) => chat(name, { messages: user('hello'), n: 2 }));

await run('responses structured output', (name) => responses(name, { input: 'a place', text: { format } }));
await run('responses parse', async (name) => {
  const r = await client.responses.parse({ model, input: 'a place', text: { format } });
  put({ case: name, text: JSON.stringify(r.output_parsed), finish: r.status });
});
await run('responses json object', (name) =>
  responses(name, { input: 'json please', text: { format: { type: 'json_object' } } }),
);
await run('responses instructions', (name) =>
  responses(name, { instructions: 'Be brief.', input: [{ role: 'developer', content: 'Be kind.' }, ...user(prompt)] }),
);
await run('responses image', (name) =>
  responses(name, { input: user([{ type: 'input_text', text: prompt }, { type: 'input_image', image_url: pixel, detail: 'auto' }]) }),
);
await run('responses required tool', (name) => responses(name, { input: 'hello', tools: [tool], tool_choice: 'required' }));
await run('responses allowed tools', (name) =>
  responses(name, {
    input: 'hello',
    tools: [tool, { ...tool, name: 'other' }],
    tool_choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'get_weather' }] },
  }),
);
await run('responses custom tool', (name) =>
  responses(name, { input: 'hello', tools: [{ type: 'custom', name: 'note', description: 'Takes notes.' }], tool_choice: 'required' }),
);
await run('responses tool image', (name) =>
  responses(name, {
    input: [
      ...user(calls),
      { type: 'function_call', call_id: 'call_1', name: 'get_weather', arguments: '{"city":"Paris"}' },
      {
        type: 'function_call_output',
        call_id: 'call_1',
        output: [{ type: 'input_text', text: 'sunny' }, { type: 'input_image', image_url: pixel, detail: 'auto' }],
      },
    ],
    tools: [tool],
  }),
);
await run('responses token limit', (name) =>
  responses(name, { input: 'a long sentence that is cut somewhere', max_output_tokens: 16 }),
);
await run('responses reasoning', async (name) => {
  const input = user('think first');
  const one = await client.responses.create({
    model, input, store: false, reasoning: { effort: 'medium', summary: 'auto' }, include: ['reasoning.encrypted_content'],
  });
  put({
    case: name,
    text: one.output_text,
    reasoning: one.output.flatMap((o) => (o.type === 'reasoning' ? o.summary.map((s) => s.text) : [])).join(''),
    finish: one.status,
  });
  input.push(...one.output, ...user(prompt));
  await responses(`${name}: goes on`, { input });
});
await run('responses web search', (name) =>
  responses(name, { input: 'hello', tools: [{ type: 'web_search' }, tool] }),
);
await run('responses web search alone', (name) => responses(name, { input: 'hello', tools: [{ type: 'web_search' }] }));
await run('responses stored', async (name) => {
  const one = await client.responses.create({ model, input: prompt });
  put({ case: name, text: one.output_text, finish: one.status });
  const two = await client.responses.create({ model, input: 'and on', previous_response_id: one.id });
  put({ case: `${name}: goes on`, text: two.output_text, finish: two.status });
});
await run('input tokens', async (name) => {
  const r = await client.responses.inputTokens.count({ model, input: prompt });
  put({ case: name, text: r.object, usage: { input: r.input_tokens } });
});
