import type { Snippet } from '../snippets/snippets.ts';
import { Copy } from './copy.tsx';

/** Code to paste, collapsed by platform. */
export const Snippets = ({ snippets }: { snippets: readonly Snippet[] }) => (
  <section aria-labelledby="snippets">
    <h2 id="snippets">Code to paste</h2>
    <p class="lead">Filled in with this app’s id, its redirect URIs and its link policy.</p>
    {snippets.map(({ platform, language, code }, index) => (
      <details name="snippet" open={index === 0}>
        <summary>
          {platform} <span class="meta">{language}</span>
        </summary>
        <pre tabindex={0} role="region" aria-label={`${language} for ${platform}`}>
          <code>{code}</code>
        </pre>
        <Copy text={code} what={`the ${language} code`} />
      </details>
    ))}
  </section>
);
