import type { Secret } from '../../../domain/secret.ts';

/** A new secret. Only this answer contains it. One click selects it, so that it can be copied without a script. */
export const ShownOnce = ({ title, secret }: { title: string; secret: Secret }) => (
  <section class="card secret" aria-labelledby="secret">
    <h2 id="secret">{title}</h2>
    <p>Copy it now: one click selects it whole. It is stored only as a hash and is not shown again.</p>
    <p>
      <code class="copy">{secret.reveal()}</code>
    </p>
  </section>
);
