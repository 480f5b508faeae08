import { createWithingsClient } from '../../src/withings/client.ts';
import { secret } from '../../src/withings/secret.ts';
import type { Answer } from '../../src/withings/send.ts';

export const CLIENT_SECRET = '2e'.repeat(32);
export const config = {
  apiBaseUrl: 'https://api.test',
  loginBaseUrl: 'https://login.test',
  clientId: '1f'.repeat(32),
  clientSecret: secret(CLIENT_SECRET),
  timeoutMs: 5_000,
  maxBodyBytes: 1_000_000,
};
const NOW_MS = 1_760_000_000_999;

/** A client whose calls get these answers, in turn, and the calls it has made. */
export const makeClient = (...answers: Answer[]) => {
  const calls: { url: string; init: RequestInit; form: Record<string, string> }[] = [];
  const fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    calls.push({
      url: request.url,
      init: init ?? {},
      form: Object.fromEntries(new URLSearchParams(await request.text())),
    });
    const next = answers.shift();
    if (!next) throw new Error('One call more than expected.');
    return new Response(next.text, { status: next.httpStatus });
  };
  return { client: createWithingsClient(config, fetch, () => NOW_MS), calls };
};
