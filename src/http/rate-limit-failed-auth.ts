import { createMiddleware } from 'hono/factory';

import { mayAddressPass } from './caller-address.ts';
import type { HttpEnv } from './context.ts';
import { answerFailure } from './problem.ts';

/**
 * Tells an address that keeps bringing credentials that are not good to wait. A brake on noise: no credential can be guessed (256 random
 * bits), one with a wrong checksum costs no query, and `broker/access/credential-lookup-limiter.ts` bounds the queries that others cost. A good credential
 * is never held up here.
 */
export const rateLimitFailedAuth = createMiddleware<HttpEnv>(async (c, next) => {
  await next();
  if (c.res.status !== 401 || (await mayAddressPass(c, 'failed_credential'))) return;
  const refusal = await answerFailure(c, { kind: 'rate_limited', retryAfterSeconds: 60 });
  const answer = new Response(refusal.body, refusal);
  answer.headers.delete('WWW-Authenticate');
  // Unset first: the headers of the answer before would be merged into this one.
  c.res = undefined;
  c.res = answer;
});
