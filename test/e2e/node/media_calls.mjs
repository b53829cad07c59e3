// Node openai: images, sound and moderations. usage: node media_calls.mjs openai|azure MODEL [moderations]
import { createHash } from 'node:crypto';
import OpenAI, { AzureOpenAI, toFile } from 'openai';
import { key, prompt, put, run, url, usage } from './seen.mjs';

const [kind, model] = process.argv.slice(2);
const options = { apiKey: key, maxRetries: 0, timeout: 20_000 };
const client =
  kind === 'azure'
    ? new AzureOpenAI({ ...options, endpoint: url, apiVersion: '2025-04-01-preview' })
    : new OpenAI({ ...options, baseURL: `${url}/v1` });

const picture = () => toFile(Buffer.from('89504e470d0a1a0a', 'hex'), 'p.png', { type: 'image/png' });
const sound = () =>
  toFile(Buffer.from('524946460d0a2d2d00ff'.repeat(10_000), 'hex'), 'Grüße "1".wav', { type: 'audio/wav' });

// said returns the text that a picture of the simulator carries.
function said(encoded) {
  const data = Buffer.from(encoded, 'base64');
  for (let at = 8; at < data.length; ) {
    const length = data.readUInt32BE(at);
    if (data.toString('latin1', at + 4, at + 8) === 'iTXt') {
      const text = data.subarray(at + 8, at + 8 + length);
      let begin = text.indexOf(0) + 3; // behind the keyword and two flags
      begin = text.indexOf(0, begin) + 1; // behind the language
      begin = text.indexOf(0, begin) + 1; // behind the keyword in it
      return text.toString('utf8', begin);
    }
    at += 12 + length;
  }
  return null;
}

async function events(stream) {
  const list = [];
  for await (const event of stream) list.push(event);
  return { list, last: list.at(-1) };
}

await run('image', async (name) => {
  const r = await client.images.generate({ model, prompt, n: 2 });
  put({
    case: name,
    text: said(r.data[0].b64_json),
    deltas: r.data.length,
    usage: usage(r.usage),
    request_id: r._request_id,
  });
});

await run('image stream', async (name) => {
  const { list, last } = await events(await client.images.generate({ model, prompt, stream: true, partial_images: 2 }));
  put({
    case: name,
    text: said(last.b64_json),
    first: list[0].type,
    last: last.type,
    deltas: list.length,
    usage: usage(last.usage),
  });
});

await run('image edit', async (name) => {
  const r = await client.images.edit({ model, image: [await picture(), await picture()], prompt });
  put({ case: name, text: said(r.data[0].b64_json), usage: usage(r.usage) });
});

await run('image edit stream', async (name) => {
  const { list, last } = await events(
    await client.images.edit({ model, image: await picture(), prompt: 'x', stream: true, partial_images: 1 }),
  );
  put({ case: name, text: said(last.b64_json), first: list[0].type, last: last.type, usage: usage(last.usage) });
});

await run('transcription', async (name) => {
  const r = await client.audio.transcriptions.create({
    model,
    file: await sound(),
    language: 'de',
    include: ['logprobs'],
  });
  put({ case: name, text: r.text, usage: usage(r.usage) });
});

await run('transcription text', async (name) => {
  const text = await client.audio.transcriptions.create({ model, file: await sound(), response_format: 'text' });
  put({ case: name, text });
});

await run('transcription stream', async (name) => {
  const { list, last } = await events(
    await client.audio.transcriptions.create({ model, file: await sound(), stream: true }),
  );
  const text = list.map((e) => (e.type === 'transcript.text.delta' ? e.delta : '')).join('');
  put({
    case: name,
    text,
    finish: text === last.text ? 'True' : 'False',
    last: last.type,
    deltas: list.length,
    usage: usage(last.usage),
  });
});

await run('speech', async (name) => {
  const r = await client.audio.speech.create({ model, voice: 'alloy', input: prompt, response_format: 'wav' });
  const digest = createHash('sha256');
  let deltas = 0;
  for await (const piece of r.body) {
    digest.update(piece);
    deltas++;
  }
  put({ case: name, text: digest.digest('hex'), finish: r.headers.get('content-type'), deltas });
});

if (process.argv[4] === 'moderations')
  await run('moderation', async (name) => {
    const r = await client.moderations.create({ model, input: ['violence', 'peace'] });
    put({ case: name, text: r.results.map((one) => one.flagged).join(' ') });
  });
