import type { App, RedirectUri } from '../../../domain/app.ts';
import { describeWarning } from '../../../domain/redirect-uri/registration.ts';
import { asUserId } from '../../../domain/user-id.ts';
import { appPath } from './app-frame.tsx';
import { Confirm } from './confirm.tsx';
import { Copy } from './copy.tsx';
import { Field, Form } from './form.tsx';

/** The user id of the dashboard's test links. */
export const TRY_IT_USER = asUserId('try-it');

/** A URI that was not registered, and whether a setting would allow it. */
export type RefusedUri = { uri: string; why: string; isLoopback: boolean };

type Props = {
  app: App;
  uris: readonly RedirectUri[];
  formToken: string;
  /** The error of the URI that was to be added. */
  refused: RefusedUri | undefined;
};

/** An app's redirect URIs, each with its warnings, a test link and a form to remove it; and a form to add one. */
export const RedirectUris = ({ app, uris, formToken, refused }: Props) => (
  <section aria-labelledby="uris">
    <h2 id="uris">Redirect URIs</h2>
    <p class="lead">
      Where users return to from Withings. They are compared byte for byte; any other is refused. A loopback address
      without a port, such as <code>http://127.0.0.1/done</code>, takes any port.
    </p>
    {uris.length === 0 ? (
      <div class="empty">
        <p>
          <strong>None registered yet.</strong> Links work after you register one. An iOS app takes a scheme of its own,
          such as <code>com.example.app:/withings/done</code>; a website an <code>https</code> address.
        </p>
      </div>
    ) : (
      <ul class="rows">
        {uris.map((entry) => (
          <UriRow app={app} entry={entry} formToken={formToken} />
        ))}
      </ul>
    )}
    {uris.length > 0 && (
      <p class="hint">
        “Try it” runs the real flow for a user named <code>{TRY_IT_USER}</code>. It ends at the app’s web address, or on
        a page with a button that opens the app’s own scheme.
      </p>
    )}
    <Form class="inline" action={`${appPath(app)}/health/redirect-uris`} token={formToken}>
      <Field
        name="uri"
        label="Add a redirect URI"
        error={refused?.why}
        remedy={
          refused?.isLoopback === true ? (
            <a href={`${appPath(app)}/health/policy`}>Allow loopback addresses</a>
          ) : undefined
        }
        value={refused?.uri}
        placeholder="womoji://withings/success"
        maxlength={2048}
        autocomplete="off"
        spellcheck={false}
        required
      />
      <button type="submit">Add</button>
    </Form>
  </section>
);

const UriRow = ({
  app,
  entry: { id, uri, warnings },
  formToken,
}: Pick<Props, 'app' | 'formToken'> & { entry: RedirectUri }) => (
  <li>
    <div class="what">
      <code id={id}>{uri}</code>
      {warnings.map((code) => (
        <p class="warning">{describeWarning(code, uri)}</p>
      ))}
    </div>
    <div class="actions">
      <Copy text={uri} what={uri} />
      {app.disabledAt === undefined && <TryIt app={app} uri={uri} uriId={id} formToken={formToken} />}
      <Confirm
        id={`remove-${id}`}
        ask="Remove"
        title="Remove this redirect URI?"
        action="Remove URI"
        path={`${appPath(app)}/health/redirect-uris/remove`}
        formToken={formToken}
        fields={{ uri }}
      >
        Links that return to <code>{uri}</code> are refused from the next request on, even those that were already
        opened.
      </Confirm>
    </div>
  </li>
);

/** A browser without the app shows nothing after a redirect to its scheme. */
export const endingOf = (uri: string): { ending?: 'page' } => (/^https?:/.test(uri) ? {} : { ending: 'page' });

/** The real flow, for a separate user. Under `session` a link has to be created first and is valid once. */
const TryIt = ({ app, uri, uriId, formToken }: { app: App; uri: string; uriId: string; formToken: string }) =>
  app.linkPolicy === 'session' ? (
    <Form action={`${appPath(app)}/health/try`} token={formToken} fields={{ uri }}>
      <button class="quiet" type="submit" aria-describedby={uriId}>
        Create a test link
      </button>
    </Form>
  ) : (
    <a
      class="button quiet"
      href={`/apps/${app.id}/withings/auth?${new URLSearchParams({ user_id: TRY_IT_USER, redirect_uri: uri, ...endingOf(uri) }).toString()}`}
      aria-describedby={uriId}
    >
      Try it
    </a>
  );
