import { expect, test } from 'vitest';

import { isWebhookSecret, webhookSignature } from '../../src/crypto/webhook-signature.ts';
import { secret } from '../../src/domain/secret.ts';

test('signs as the example of Standard Webhooks does', async () => {
  const text = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  expect(isWebhookSecret(text)).toBe(true);
  const signed = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', seconds: 1_614_265_330, body: '{"test": 2432232314}' };
  expect(await webhookSignature(secret(text), signed)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test.each([
  '',
  'whsec_',
  'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  'whsec_c2hvcnQ=',
  'whsec_not base64 not base64 not base64',
])('%j is no secret', (text) => {
  expect(isWebhookSecret(text)).toBe(false);
});
