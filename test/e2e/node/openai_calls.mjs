// Node openai: good days. usage: node openai_calls.mjs openai|azure MODEL [models]
import OpenAI, { AzureOpenAI } from 'openai';
import { calls, key, prompt, put, run, url, usage, weather } from './seen.mjs';

const [kind, model] = process.argv.slice(2);
const options = { apiKey: key, maxRetries: 0, timeout: 20_000 };
const client =
  kind === 'azure'
    ? new AzureOpenAI({ ...options, endpoint: url, apiVersion: '2025-04-01-preview' })
    : new OpenAI({ ...options, baseURL: `${url}/v1` });

const user = (content) => [{ role: 'user', content }];
const chatTool = { type: 'function', function: { name: 'get_weather', parameters: weather, strict: true } };
const responsesTool = { type: 'function', name: 'get_weather', parameters: weather, strict: true };

await run('chat', async (name) => {
  const r = await client.chat.completions.create({ model, messages: user(prompt) });
  put({
    case: name,
    model: r.model,
    text: r.choices[0].message.content,
    finish: r.choices[0].finish_reason,
    usage: usage(r.usage),
    request_id: r._request_id,
  });
});

async function chatStream(name, more) {
  const { data, response } = await client.chat.completions
    .create({ model, messages: user(prompt), stream: true, ...more })
    .withResponse();
  let text = '';
  let finish = null;
  let used = null;
  let usageChunks = 0;
  let deltas = 0;
  for await (const chunk of data) {
    if (chunk.usage != null) {
      used = chunk.usage;
      usageChunks++;
    }
    for (const choice of chunk.choices) {
      if (choice.delta.content) deltas++;
      text += choice.delta.content ?? '';
      finish = choice.finish_reason ?? finish;
    }
  }
  put({
    case: name,
    text,
    finish,
    usage: usage(used),
    usage_chunks: usageChunks,
    deltas,
    request_id: response.headers.get('x-request-id'),
  });
}
await run('chat stream', (name) => chatStream(name));
await run('chat stream with usage', (name) => chatStream(name, { stream_options: { include_usage: true } }));

await run('chat tools', async (name) => {
  const messages = user(calls);
  let r = await client.chat.completions.create({ model, messages, tools: [chatTool] });
  const { message, finish_reason: finish } = r.choices[0];
  const tools = (message.tool_calls ?? []).map((c) => ({ name: c.function.name, arguments: c.function.arguments }));
  put({ case: `${name}: call`, finish, tools, usage: usage(r.usage) });
  messages.push(message);
  for (const c of message.tool_calls ?? []) {
    const { city } = JSON.parse(c.function.arguments);
    messages.push({ role: 'tool', tool_call_id: c.id, content: `sunny in ${city}` });
  }
  r = await client.chat.completions.create({ model, messages, tools: [chatTool] });
  put({
    case: `${name}: answer`,
    text: r.choices[0].message.content,
    finish: r.choices[0].finish_reason,
    usage: usage(r.usage),
  });
});

await run('chat tools stream', async (name) => {
  const stream = client.chat.completions.stream({
    model,
    messages: user(calls),
    tools: [chatTool],
    stream_options: { include_usage: true },
  });
  const r = await stream.finalChatCompletion();
  put({
    case: name,
    finish: r.choices[0].finish_reason,
    tools: r.choices[0].message.tool_calls.map((c) => ({ name: c.function.name, arguments: c.function.arguments })),
    usage: usage(r.usage),
  });
});

await run('completions', async (name) => {
  const r = await client.completions.create({ model, prompt });
  put({ case: name, text: r.choices[0].text, finish: r.choices[0].finish_reason, usage: usage(r.usage) });
});

await run('completions stream', async (name) => {
  let text = '';
  let finish = null;
  let usageChunks = 0;
  for await (const chunk of await client.completions.create({ model, prompt, stream: true })) {
    if (chunk.usage != null) usageChunks++;
    for (const choice of chunk.choices) {
      text += choice.text;
      finish = choice.finish_reason ?? finish;
    }
  }
  put({ case: name, text, finish, usage_chunks: usageChunks });
});

await run('responses', async (name) => {
  const r = await client.responses.create({ model, input: prompt });
  put({
    case: name,
    model: r.model,
    text: r.output_text,
    finish: r.status,
    usage: usage(r.usage),
    request_id: r._request_id,
  });
});

async function responsesStream(name, input) {
  const sequence = [];
  const kinds = [];
  const stream = client.responses.stream({ model, input });
  for await (const event of stream) {
    sequence.push(event.sequence_number);
    kinds.push(event.type);
  }
  const r = await stream.finalResponse();
  put({
    case: name,
    text: r.output_text,
    // Open models show what they think itself, where no summary is asked for.
    reasoning: r.output
      .flatMap((o) => (o.type === 'reasoning' ? [...o.summary, ...(o.content ?? [])].map((s) => s.text) : []))
      .join(''),
    finish: r.status,
    usage: usage(r.usage),
    deltas: kinds.filter((k) => k === 'response.output_text.delta').length,
    ordered: sequence.every((n, i) => n === sequence[0] + i) && sequence[0] <= 1,
    first: kinds[0],
    last: kinds.at(-1),
  });
}
await run('responses stream', (name) => responsesStream(name, prompt));
await run('responses reasoning', (name) => responsesStream(name, 'think first'));

await run('responses tools', async (name) => {
  const input = user(calls);
  let r = await client.responses.create({ model, input, tools: [responsesTool], store: false });
  const asked = r.output.filter((o) => o.type === 'function_call');
  put({
    case: `${name}: call`,
    finish: r.status,
    tools: asked.map((c) => ({ name: c.name, arguments: c.arguments })),
    usage: usage(r.usage),
  });
  input.push(...r.output);
  for (const c of asked) {
    const { city } = JSON.parse(c.arguments);
    input.push({ type: 'function_call_output', call_id: c.call_id, output: `sunny in ${city}` });
  }
  r = await client.responses.stream({ model, input, tools: [responsesTool], store: false }).finalResponse();
  put({ case: `${name}: answer`, text: r.output_text, finish: r.status, usage: usage(r.usage) });
});

async function embeddings(name, more) {
  const r = await client.embeddings.create({ model, input: ['one', prompt], ...more });
  put({
    case: name,
    vectors: r.data.map((d) => d.embedding.slice(0, 4).map((x) => Math.round(x * 1e4) / 1e4)),
    dimensions: [...new Set(r.data.map((d) => d.embedding.length))],
    usage: usage(r.usage),
  });
}
await run('embeddings', (name) => embeddings(name)); // asks for base64 and decodes it
await run('embeddings float', (name) => embeddings(name, { encoding_format: 'float' }));

// Weir's own list; the simulator has another.
if (process.argv[4] === 'models')
  await run('models', async (name) => {
    const ids = [];
    for await (const m of client.models.list()) ids.push(`${m.object} ${m.id} ${m.created > 0}`);
    put({ case: name, ids, model: (await client.models.retrieve(model)).id });
  });
