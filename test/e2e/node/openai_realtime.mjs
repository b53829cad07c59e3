// Node openai: realtime sessions. usage: node openai_realtime.mjs openai|azure MODEL
import OpenAI, { AzureOpenAI } from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { key, prompt, put, run, url, usage } from './seen.mjs';

const [kind, model] = process.argv.slice(2);

async function connect(apiKey) {
  const options = { apiKey, maxRetries: 0 };
  if (kind === 'azure') {
    const client = new AzureOpenAI({ ...options, endpoint: url, apiVersion: '2025-04-01-preview', deployment: model });
    return OpenAIRealtimeWS.azure(client);
  }
  return new OpenAIRealtimeWS({ model }, new OpenAI({ ...options, baseURL: `${url}/v1` }));
}

// talk calls `step` with every event until it returns something.
async function talk(apiKey, step) {
  const session = await connect(apiKey);
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', (e) => (e.error ? step({ type: 'error', error: e.error }, session, resolve) : reject(e)));
      session.socket.on('close', (code) => reject(new Error(`closed: ${code}`)));
      session.on('event', (event) => event.type !== 'error' && step(event, session, resolve));
    });
  } finally {
    session.close();
  }
}

await run('conversation', async (name) => {
  let first = null;
  let text = '';
  const done = await talk(key, (event, session, resolve) => {
    first ??= event.type;
    switch (event.type) {
      case 'session.created':
        session.send({ type: 'session.update', session: { type: 'realtime', model, output_modalities: ['text'] } });
        break;
      case 'session.updated':
        session.send({
          type: 'conversation.item.create',
          item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: prompt }] },
        });
        session.send({ type: 'response.create' });
        break;
      case 'response.output_text.delta':
        text += event.delta;
        break;
      case 'response.done':
        resolve(event);
    }
  });
  put({ case: name, text, first, finish: done.response.status, usage: usage(done.response.usage) });
});

await run('another_model', async (name) => {
  const event = await talk(key, (event, session, resolve) => {
    if (event.type === 'session.created') {
      session.send({ type: 'session.update', event_id: 'mine', session: { type: 'realtime', model: 'another' } });
    }
    if (event.type === 'error') resolve(event);
  });
  put({ case: name, first: event.type, finish: event.error.param, ids: [event.error.event_id] });
});

await run('refused', async (name) => {
  try {
    await talk(`${key}-wrong`, () => {});
    put({ case: name, fault: 'a wrong key is served' });
  } catch (e) {
    put({ case: name, error: { status: Number(/ ([0-9]{3})$/m.exec(e.message)?.[1] ?? 0) } });
  }
});
