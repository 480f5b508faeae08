import type { App } from '../../../domain/app.ts';
import type { RefusedForm } from '../form.ts';
import { appPath } from './app-frame.tsx';
import { Confirm } from './confirm.tsx';
import { Field, Form, NameField } from './form.tsx';

type Props = {
  app: App;
  formToken: string;
  /** The version of the shown app, for the forms that change it. */
  version: Record<string, string>;
  refused: RefusedForm | undefined;
};

/** An app's settings: its name, enable or disable, and delete. */
export const AppSettings = (props: Props) => (
  <section aria-labelledby="settings">
    <h2 id="settings">Settings</h2>
    <div class="rows">
      <Rename {...props} />
      {props.app.disabledAt === undefined ? <Disable {...props} /> : <Enable {...props} />}
    </div>
    <Delete {...props} />
  </section>
);

const Rename = ({ app, formToken, version, refused }: Props) => (
  <div class="whole">
    <Form class="inline" action={`${appPath(app)}/name`} token={formToken} fields={version}>
      <NameField value={app.name} refused={refused} />
      <button class="quiet" type="submit">
        Rename
      </button>
    </Form>
  </div>
);

const RESTS = 'Its links, keys and refreshes pause, and nothing is lost. You can enable it again at any time.';

const Disable = ({ app, formToken, version }: Props) => (
  <div>
    <div class="what">
      <h3>Disable app</h3>
      <p class="hint">{RESTS}</p>
    </div>
    <Confirm
      id="disable"
      ask="Disable app"
      title={`Disable ${app.name}?`}
      action="Disable app"
      path={`${appPath(app)}/disable`}
      formToken={formToken}
      fields={version}
    >
      From the next request on, its users can neither connect nor sync. {RESTS}
    </Confirm>
  </div>
);

const Enable = ({ app, formToken, version }: Props) => (
  <div>
    <div class="what">
      <h3>Disabled</h3>
      <p class="hint">{RESTS}</p>
    </div>
    <Form action={`${appPath(app)}/enable`} token={formToken} fields={version}>
      <button type="submit">Enable app</button>
    </Form>
  </div>
);

const Delete = ({ app, formToken, refused }: Props) => (
  <details open={refused?.errors['confirmation'] !== undefined}>
    <summary>Delete app</summary>
    <Form action={`${appPath(app)}/delete`} token={formToken}>
      <p class="hint">
        Erases every user of the app with all measurements, its keys and its URIs. This cannot be undone.
      </p>
      <Field
        name="confirmation"
        label={`Type ${app.id} to confirm`}
        error={refused?.errors['confirmation']}
        value={refused?.typed.get('confirmation') ?? undefined}
        autocomplete="off"
        spellcheck={false}
        required
      />
      <button class="final" type="submit">
        Delete app
      </button>
    </Form>
  </details>
);
