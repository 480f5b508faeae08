import type { RedirectUri } from '../../../domain/app.ts';
import { Form } from './form.tsx';

/**
 * Says that two users are connected to one Withings account, and offers a link that signs out of Withings first.
 * Otherwise, on a device that two people share, the second one is asked for the consent of the first.
 */
export const SharedAccount = ({
  action,
  formToken,
  uris,
}: {
  action: string;
  formToken: string;
  uris: readonly RedirectUri[];
}) => (
  <section class="card" aria-labelledby="shared">
    <h2 id="shared">Two users, one Withings account</h2>
    <p>
      Another user of this app is connected to the same Withings account, so one of them is not that person. It happens
      when two people share a device. Send the one whose account it is not a link that signs out of Withings first (
      <code>account=switch</code>).
    </p>
    {uris.length === 0 ? (
      <p class="hint">Register a redirect URI first.</p>
    ) : (
      <Form class="inline" action={action} token={formToken}>
        <div class="field">
          <label for="uri">Where the link returns to</label>
          <select id="uri" name="uri">
            {uris.map(({ uri }) => (
              <option value={uri}>{uri}</option>
            ))}
          </select>
        </div>
        <button type="submit">Create a link</button>
      </Form>
    )}
  </section>
);
