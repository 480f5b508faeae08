import type { AppId } from '../../../domain/app-id.ts';
import { installCommand } from '../../public-url.ts';

/** How to do the same without the dashboard. */
export const CommandLine = ({ origin, appId }: { origin: string; appId: AppId }) => (
  <details>
    <summary>From the command line</summary>
    <pre tabindex={0} role="region" aria-label="Commands of mushu">
      <code>{`${installCommand(origin)}
mushu login --url ${origin}
mushu health redirect-uri add womoji://withings/success --app ${appId}
mushu health redirect-uri list --app ${appId}`}</code>
    </pre>
  </details>
);
