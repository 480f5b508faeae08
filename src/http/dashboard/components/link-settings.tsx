import type { App, HistoryOnConnect, LinkPolicy } from '../../../domain/app.ts';
import { appPath } from './app-frame.tsx';
import { Checkbox, Choices, Form } from './form.tsx';

const POLICIES: { value: LinkPolicy; label: string; explanation: string }[] = [
  {
    value: 'open',
    label: 'Open',
    explanation:
      'Anyone who has a link with a user id can use it: simplest, and enough if mixing up users is harmless.',
  },
  {
    value: 'session',
    label: 'Session',
    explanation: 'Only links that your backend created for one user are accepted, each once and for a short time.',
  },
  {
    value: 'confirm',
    label: 'Confirm',
    explanation: 'A link waits, without data, until your backend confirms that the right person returned: safest.',
  },
];

const HISTORIES: { value: HistoryOnConnect; label: string; explanation: string }[] = [
  { value: 'all', label: 'All', explanation: 'The newest 90 days first, then the past, back to the beginning.' },
  { value: 'recent', label: 'Recent', explanation: 'The newest 90 days. A sync of your app reads the rest.' },
  { value: 'none', label: 'None', explanation: 'Only what is new since. A sync of your app reads the history.' },
];

/** The link settings, explained and editable. */
export const LinkSettings = ({
  app,
  formToken,
  version,
}: {
  app: App;
  formToken: string;
  version: Record<string, string>;
}) => (
  <section aria-labelledby="policy">
    <h2 id="policy">How users connect</h2>
    <Form action={`${appPath(app)}/health/link-policy`} token={formToken} fields={version}>
      <Choices name="link_policy" legend="Links that are accepted" chosen={app.linkPolicy} choices={POLICIES} />
      <Choices
        name="history_on_connect"
        legend="History read when a user connects"
        chosen={app.historyOnConnect}
        choices={HISTORIES}
      />
      <fieldset class="choices">
        <legend>Options</legend>
        <Checkbox
          name="refuse_shared_accounts"
          label="One user per Withings account"
          checked={app.sharedAccounts === 'refuse'}
        >
          A link to a Withings account of another user of the app is refused. Otherwise it is accepted, and noted as a
          conflict.
        </Checkbox>
        <Checkbox name="allow_loopback" label="Allow loopback addresses" checked={app.allowLoopback}>
          For desktop apps: <code>http://127.0.0.1/…</code> may be registered, and is then taken at any port.
        </Checkbox>
        <Checkbox name="demo_account" label="Withings’ demo account" checked={app.demoAccount}>
          For development: links lead to Withings’ demo account, whose data is invented. Users connected so are marked,
          and no figure counts them.
        </Checkbox>
      </fieldset>
      <button type="submit">Save</button>
    </Form>
  </section>
);
