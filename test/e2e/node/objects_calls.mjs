// Node openai: what is kept. usage: node objects_calls.mjs openai|azure MODEL [chat|kept]
import OpenAI, { AzureOpenAI } from 'openai';
import { key, prompt, put, run, url, usage } from './seen.mjs';

const [kind, model] = process.argv.slice(2);
const options = { apiKey: key, maxRetries: 0, timeout: 20_000 };
const client =
  kind === 'azure'
    ? new AzureOpenAI({ ...options, endpoint: url, apiVersion: '2025-04-01-preview' })
    : new OpenAI({ ...options, baseURL: `${url}/v1` });

// faultOf returns what the user sees of a call that must fail.
async function faultOf(call) {
  try {
    await call();
  } catch (e) {
    return `${e.constructor.name} ${e.status}`;
  }
  return 'nothing failed';
}

async function all(list) {
  const items = [];
  for await (const item of list) items.push(item);
  return items;
}

await run('retrieve', async (name) => {
  const made = await client.responses.create({ model, input: prompt });
  const r = await client.responses.retrieve(made.id, { include: ['message.output_text.logprobs'] });
  put({ case: name, text: r.output_text, finish: r.status, ordered: r.id === made.id, usage: usage(r.usage) });
});

await run('input items', async (name) => {
  const made = await client.responses.create({
    model,
    input: ['one', prompt, 'three'].map((content) => ({ role: 'user', content })),
  });
  const page = await client.responses.inputItems.list(made.id, { limit: 2, order: 'asc' });
  const deltas = page.data.length;
  const texts = (await all(page)).map((item) => item.content[0].text); // of all pages
  put({ case: name, text: texts.join(' | '), deltas });
});

async function goOn(name) {
  const first = await client.responses.create({ model, input: prompt });
  const second = await client.responses.create({ model, input: 'and then', previous_response_id: first.id });
  const third = await client.responses.create({
    model,
    input: [
      { type: 'item_reference', id: second.output[0].id },
      { role: 'user', content: 'at last' },
    ],
  });
  put({ case: name, text: `${second.output_text} ${third.output_text}`, usage: usage(second.usage) });
}

async function remove(name) {
  const made = await client.responses.create({ model, input: prompt });
  await client.responses.delete(made.id);
  const again = await faultOf(() => client.responses.retrieve(made.id));
  const on = await faultOf(() => client.responses.create({ model, input: 'x', previous_response_id: made.id }));
  put({ case: name, text: `${again}, ${on}` });
}

if (process.argv[4] === 'kept') {
  await run('go on', goOn);

  // A conversation that is streamed, and looked at as it stands.
  await run('stream on', async (name) => {
    const texts = [];
    let previous, r;
    for (const input of [prompt, 'and then', 'at last']) {
      const more = previous ? { previous_response_id: previous } : {};
      r = await client.responses.stream({ model, input, ...more }).finalResponse();
      const kept = await client.responses.retrieve(r.id);
      texts.push(`${kept.output_text} ${(kept.previous_response_id ?? undefined) === previous} ${r.store}`);
      previous = r.id;
    }
    put({ case: name, text: texts.join(' ') });
  });

  await run('cancel', async (name) => {
    const made = await client.responses.create({ model, input: prompt });
    put({ case: name, text: await faultOf(() => client.responses.cancel(made.id)) });
  });

  await run('delete', remove);
  process.exit(0);
}

await run('resume', async (name) => {
  const made = await client.responses.create({ model, input: prompt });
  const events = await all(await client.responses.retrieve(made.id, { stream: true, starting_after: 3 }));
  put({
    case: name,
    text: events.at(-1).response.output[0].content[0].text,
    first: events[0].type,
    last: events.at(-1).type,
    deltas: events.length,
    ordered: events.every((e, i) => e.sequence_number === 4 + i),
  });
});

await run('cancel', async (name) => {
  const made = await client.responses.create({ model, input: prompt, background: true });
  const r = await client.responses.cancel(made.id);
  put({ case: name, text: made.status, finish: r.status });
});

await run('poll', async (name) => {
  let r = await client.responses.create({ model, input: prompt, background: true });
  for (let i = 0; i < 20 && ['queued', 'in_progress'].includes(r.status); i++) r = await client.responses.retrieve(r.id);
  put({ case: name, text: r.output_text, finish: r.status, usage: usage(r.usage) });
});

await run('go on', goOn);

await run('delete', remove);

if (process.argv[4] === 'chat') {
  await run('input tokens', async (name) => {
    const r = await client.responses.inputTokens.count({ model, input: prompt });
    put({ case: name, text: `${r.object} ${r.input_tokens}` });
  });

  await run('compact', async (name) => {
    const made = await client.responses.create({ model, input: prompt });
    const r = await client.responses.compact({ model, previous_response_id: made.id });
    put({ case: name, text: `${r.object} ${r.output.map((item) => item.type)}`, usage: usage(r.usage) });
  });

  await run('chat', async (name) => {
    const made = await client.chat.completions.create({
      model,
      messages: [{ role: 'user', content: prompt }],
      store: true,
    });
    const r = await client.chat.completions.retrieve(made.id);
    const messages = (await all(client.chat.completions.messages.list(made.id))).map((m) => m.content);
    const updated = await client.chat.completions.update(made.id, { metadata: { a: 'b' } });
    const gone = await client.chat.completions.delete(made.id);
    const again = await faultOf(() => client.chat.completions.retrieve(made.id));
    put({
      case: name,
      text: r.choices[0].message.content,
      finish: `${messages} ${JSON.stringify(updated.metadata)} ${gone.deleted} ${again}`,
      usage: usage(r.usage),
    });
  });
}
