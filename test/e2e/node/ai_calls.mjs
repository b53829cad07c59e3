// AI SDK: good days. usage: node ai_calls.mjs openai|azure|deployments|anthropic MODEL
// azure has no deployment in its URLs, deployments has.
import { createAnthropic } from '@ai-sdk/anthropic';
import { createAzure } from '@ai-sdk/azure';
import { createOpenAI } from '@ai-sdk/openai';
import { embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { calls, key, prompt, put, run, url, weather } from './seen.mjs';

const [kind, model] = process.argv.slice(2);
const provider = {
  openai: () => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }),
  azure: () => createAzure({ baseURL: `${url}/openai/v1`, apiKey: key }),
  deployments: () =>
    createAzure({ baseURL: `${url}/openai`, apiKey: key, useDeploymentBasedUrls: true, apiVersion: '2025-04-01-preview' }),
  anthropic: () => createAnthropic({ baseURL: `${url}/v1`, apiKey: key }),
}[kind]();

const used = (u) => ({
  input: u.inputTokens,
  output: u.outputTokens,
  total: u.totalTokens,
  cached: u.inputTokenDetails?.cacheReadTokens ?? u.cachedInputTokens ?? 0,
  reasoning: u.outputTokenDetails?.reasoningTokens ?? u.reasoningTokens ?? 0,
});

const tools = {
  get_weather: tool({ inputSchema: jsonSchema(weather), execute: async ({ city }) => `sunny in ${city}` }),
};
const called = (step) => step.toolCalls.map((c) => ({ name: c.toolName, arguments: JSON.stringify(c.input) }));

const apis =
  kind === 'anthropic'
    ? [['messages', provider(model)]]
    : [
        ['responses', provider(model)],
        ['chat', provider.chat(model)],
      ];
for (const [api, made] of apis) {
  const options = { model: made, maxRetries: 0 };

  await run(api, async (name) => {
    const r = await generateText({ ...options, prompt });
    put({
      case: name,
      text: r.text,
      finish: r.finishReason,
      usage: used(r.usage),
      model: r.response.modelId,
      request_id: r.response.headers?.['x-request-id'],
    });
  });

  await run(`${api} stream`, async (name) => {
    const r = streamText({ ...options, prompt, onError() {} });
    let text = '';
    let deltas = 0;
    for await (const part of r.textStream) {
      text += part;
      deltas++;
    }
    put({ case: name, text, deltas, finish: await r.finishReason, usage: used(await r.usage) });
  });

  await run(`${api} tools`, async (name) => {
    const r = await generateText({ ...options, prompt: calls, tools, stopWhen: stepCountIs(2) });
    for (const [i, step] of r.steps.entries())
      put({
        case: `${name}: ${i === 0 ? 'call' : 'answer'}`,
        text: step.text,
        tools: called(step),
        finish: step.finishReason,
        usage: used(step.usage),
      });
  });

  await run(`${api} tools stream`, async (name) => {
    const r = streamText({ ...options, prompt: calls, tools, stopWhen: stepCountIs(2), onError() {} });
    for (const [i, step] of (await r.steps).entries())
      put({
        case: `${name}: ${i === 0 ? 'call' : 'answer'}`,
        text: step.text,
        tools: called(step),
        finish: step.finishReason,
        usage: used(step.usage),
      });
  });
}

if (kind !== 'anthropic')
  await run('embeddings', async (name) => {
    const r = await embedMany({ model: provider.embeddingModel(model), values: ['one', prompt], maxRetries: 0 });
    put({
      case: name,
      vectors: r.embeddings.map((e) => e.slice(0, 4).map((x) => Math.round(x * 1e4) / 1e4)),
      dimensions: [...new Set(r.embeddings.map((e) => e.length))],
      usage: { input: r.usage.tokens, output: 0, total: r.usage.tokens, cached: 0, reasoning: 0 },
    });
  });
