import type { Secret } from '../../../domain/secret.ts';

/** A new secret, in the one answer that ever holds it. Selected whole by one click, so that it can be copied without a script. */
export const ShownOnce = ({ title, secret }: { title: string; secret: Secret }) => (
  <section class="card secret" aria-labelledby="secret">
    <h2 id="secret">{title}</h2>
    <p>Copy it now. It is stored only as a hash and is not shown again.</p>
    <input
      class="copy"
      type="text"
      value={secret.reveal()}
      readonly
      aria-labelledby="secret"
      autocomplete="off"
      spellcheck={false}
    />
  </section>
);
