import type { ShownSecret } from '../../../broker/access/shown-once.ts';
import { Copy } from './copy.tsx';

const HASHED = 'It is stored only as a hash and is not shown again.';

const KINDS: Record<ShownSecret['kind'], { title: string; words: string }> = {
  api_key: { title: 'Your new key', words: HASHED },
  access_token: { title: 'The new access token', words: HASHED },
  test_link: {
    title: 'Your test link',
    words: 'It connects the user “try-it”, once, within ten minutes. It is not shown again.',
  },
  switch_link: {
    title: 'A link for this user',
    words:
      'Send it to them: it signs them out of Withings first, so that they can sign in with their own account. It is good once, for ten minutes, and is not shown again.',
  },
  webhook_secret: {
    title: 'The new signing secret',
    words: 'Your receiver checks signatures with it. It is stored encrypted and is not shown again.',
  },
};

/**
 * A new secret, or a link that is good once. Only this answer contains it. One click selects it, so that it can be
 * copied without a script.
 */
export const ShownOnce = ({ kind, secret }: ShownSecret) => (
  <section class="card secret" aria-labelledby="secret">
    <h2 id="secret">{KINDS[kind].title}</h2>
    <p>Copy it now: one click selects it whole. {KINDS[kind].words}</p>
    <p>
      <code class="copy">{secret.reveal()}</code>
    </p>
    <div class="actions">
      <Copy text={secret.reveal()} what="it" />
      {kind === 'test_link' && (
        <a class="button" href={secret.reveal()}>
          Try it
        </a>
      )}
    </div>
  </section>
);
