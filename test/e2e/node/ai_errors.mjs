// AI SDK: bad days. usage: node ai_errors.mjs SPEC
// SPEC is a JSON list of {case, key, model, call, headers, retries, azure}.
import { createAzure } from '@ai-sdk/azure';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, streamText } from 'ai';
import { attempt, key, prompt, url } from './seen.mjs';

async function whole(options) {
  return (await generateText(options)).text;
}

// streamed reports the first error part: streamText itself never throws.
async function streamed(options) {
  let text = '';
  for await (const part of streamText({ ...options, onError() {} }).fullStream) {
    if (part.type === 'error') throw part.error;
    if (part.type === 'text-delta') text += part.text;
  }
  return text;
}

// told unwraps the SDK's RetryError and finds the dialect's own error object.
function told(e) {
  const last = e?.lastError ?? e;
  let body = {};
  try {
    body = JSON.parse(last.responseBody).error ?? {};
  } catch {
    body = last?.data?.error ?? last?.error ?? {};
  }
  return Object.assign(new Error(last?.message ?? JSON.stringify(last)), {
    class: e?.name,
    statusCode: last?.statusCode,
    responseHeaders: last?.responseHeaders,
    code: body.code,
    type: body.type,
  });
}

for (const spec of JSON.parse(process.argv[2])) {
  const apiKey = spec.key ?? key;
  const provider = spec.azure
    ? createAzure({ baseURL: `${url}/openai`, apiKey, useDeploymentBasedUrls: true, apiVersion: '2024-10-21' })
    : createOpenAI({ baseURL: `${url}/v1`, apiKey });
  const model = spec.call.startsWith('chat') ? provider.chat(spec.model) : provider(spec.model);
  const options = { model, prompt, maxRetries: spec.retries ?? 0, headers: spec.headers };
  await attempt(spec.case, async () => {
    try {
      return await (spec.call.endsWith('stream') ? streamed(options) : whole(options));
    } catch (e) {
      throw told(e);
    }
  });
}
