import { createMiddleware } from 'hono/factory';

import { mayAddressPass } from './caller-address.ts';
import type { HttpEnv } from './context.ts';
import { answerFailure } from './problem.ts';

/**
 * Rate limit for an address that keeps sending invalid credentials. It only reduces noise: no credential can be guessed
 * (256 random bits), a wrong checksum costs no query, and `broker/access/credential-lookup-limiter.ts` limits the other
 * queries. A valid credential is never limited here.
 */
export const rateLimitFailedAuth = createMiddleware<HttpEnv>(async (c, next) => {
  await next();
  if (c.res.status !== 401 || (await mayAddressPass(c, 'failed_credential'))) return;
  const refusal = await answerFailure(c, { kind: 'rate_limited', retryAfterSeconds: 60 });
  const answer = new Response(refusal.body, refusal);
  answer.headers.delete('WWW-Authenticate');
  // Unset first: the headers of the earlier answer would be merged into this one.
  c.res = undefined;
  c.res = answer;
});
