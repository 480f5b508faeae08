import type { App } from '../../../domain/app.ts';
import type { FieldErrors } from '../form.ts';
import { appPath } from './app-frame.tsx';
import { Field, Form } from './form.tsx';

/** An app's name, whether anything flows for it, and its end. */
export const AppSettings = ({ app, formToken, errors }: { app: App; formToken: string; errors: FieldErrors }) => (
  <section aria-labelledby="settings">
    <h2 id="settings">Settings</h2>
    <Form class="inline" action={`${appPath(app)}/name`} token={formToken}>
      <Field
        name="name"
        label="Name"
        value={app.name}
        error={errors['name']}
        maxlength={100}
        autocomplete="off"
        required
      />
      <button class="quiet" type="submit">
        Rename
      </button>
    </Form>
    <Form action={`${appPath(app)}/${app.disabledAt === undefined ? 'disable' : 'enable'}`} token={formToken}>
      {app.disabledAt === undefined ? (
        <>
          <p class="hint">
            While an app is disabled, nothing flows: its links, keys and refreshes rest, and nothing is lost.
          </p>
          <button class="quiet" type="submit">
            Disable app
          </button>
        </>
      ) : (
        <button type="submit">Enable app</button>
      )}
    </Form>
    <details open={errors['confirmation'] !== undefined}>
      <summary>Delete app</summary>
      <Form action={`${appPath(app)}/delete`} token={formToken}>
        <p>Erases every user of the app with all measurements, its keys and its URIs, for good.</p>
        <Field
          name="confirmation"
          label={`Type ${app.id} to confirm`}
          error={errors['confirmation']}
          autocomplete="off"
          spellcheck={false}
          required
        />
        <button class="final" type="submit">
          Delete app
        </button>
      </Form>
    </details>
  </section>
);
