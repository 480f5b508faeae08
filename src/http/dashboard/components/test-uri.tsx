import type { RedirectUriTest } from '../../../broker/link/test-redirect-uri.ts';
import type { App } from '../../../domain/app.ts';
import { inlineCode } from '../../inline-code.tsx';
import { appPath } from './app-frame.tsx';
import { Field } from './form.tsx';

/** A tested URI, and the result. */
export type TestedUri = RedirectUriTest & { uri: string };

/** Tests whether `auth` would accept a redirect URI, by the same rule. */
export const TestUri = ({ app, tested }: { app: App; tested: TestedUri | undefined }) => (
  <section aria-labelledby="test-uri">
    <h2 id="test-uri">Test a redirect URI</h2>
    <p class="lead">
      Paste what your app sends, decoded. The test says whether a link is accepted, and how it differs if not.
    </p>
    <form class="inline" method="get" action={`${appPath(app)}/health#test-uri`}>
      <Field
        name="test"
        label="Redirect URI that the app sends"
        value={tested?.uri}
        maxlength={2048}
        autocomplete="off"
        spellcheck={false}
        required
      />
      <button class="quiet" type="submit">
        Test
      </button>
    </form>
    {tested && <Verdict tested={tested} />}
  </section>
);

const Verdict = ({ tested }: { tested: TestedUri }) =>
  tested.matches ? (
    <p class="notice" role="status">
      It is accepted: <code>{tested.registered}</code> is registered.
    </p>
  ) : (
    <p class="notice bad" role="status">
      It is refused. {inlineCode(tested.explanation ?? 'No registered URI resembles it.')}
    </p>
  );
