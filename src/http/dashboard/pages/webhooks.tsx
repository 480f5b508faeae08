import { Hono } from 'hono';

import { createWebhook, listWebhooks } from '../../../broker/webhooks/manage-webhooks.ts';
import type { WebhookEndpoint } from '../../../domain/webhooks/endpoint.ts';
import { MAX_ENDPOINTS_PER_APP } from '../../../domain/webhooks/limits.ts';
import { ownHosts } from '../../public-url.ts';
import { appPage, appPath } from '../components/app-frame.tsx';
import { Form } from '../components/form.tsx';
import { Table } from '../components/table.tsx';
import { Ago } from '../components/time.tsx';
import { WebhookFields } from '../components/webhook-fields.tsx';
import { WebhookState } from '../components/webhook-state.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { answerBadForm, answerFailure } from '../failure.tsx';
import { redirectShowing } from '../flash.ts';
import { parseForm, readForm, type RefusedForm } from '../form.ts';
import { emptyFields, errorsOf, optionsOf, webhookForm, wordsOf } from '../webhook-form.ts';

/** An app's Webhooks tab: its endpoints, and a form to add one. */
export const webhooksPages = new Hono<DashboardEnv>();

export const webhooksPath = (c: DashboardContext): string => `${appPath(c.get('app'))}/webhooks`;

/** Hosts of this broker, which no event is sent to. */

webhooksPages.get('/', (c) => webhooksPage(c));

webhooksPages.post('/', async (c) => {
  const typed = await readForm(c);
  const wanted = await parseForm(c, webhookForm);
  if (!wanted.ok) {
    const errors = wordsOf(wanted.failure);
    return errors === undefined ? answerBadForm(c, wanted.failure) : webhooksPage(c, { errors, typed });
  }
  const created = await createWebhook(c.get('deps'), c.get('managed'), optionsOf(wanted.value), ownHosts(c));
  if (!created.ok) {
    const errors = errorsOf(created.failure);
    return errors === undefined ? answerFailure(c, created.failure) : webhooksPage(c, { errors, typed });
  }
  const { endpoint, secret } = created.value;
  return redirectShowing(c, `${webhooksPath(c)}/${endpoint.id}`, { kind: 'webhook_secret', secret });
});

const webhooksPage = async (c: DashboardContext, refused?: RefusedForm): Promise<Response> => {
  const listed = await listWebhooks(c.get('deps'), c.get('managed'));
  if (!listed.ok) return answerFailure(c, listed.failure);
  const endpoints = listed.value;
  return appPage(
    c,
    { tab: 'webhooks', status: refused === undefined ? 200 : 422 },
    <>
      <section aria-labelledby="webhooks">
        <h2 id="webhooks">Webhooks</h2>
        <p class="lead">
          The broker tells your backend what happens to its users: a signed request for each event, in the form of
          Standard Webhooks.
        </p>
        {endpoints.length === 0 ? (
          <div class="empty">
            <p>
              <strong>No endpoints yet.</strong> Without one no event is recorded, and your backend has to ask for
              changes.
            </p>
          </div>
        ) : (
          <EndpointTable c={c} endpoints={endpoints} />
        )}
      </section>
      {endpoints.length < MAX_ENDPOINTS_PER_APP || refused ? (
        <AddEndpoint c={c} {...(refused ?? { errors: {}, typed: emptyFields() })} />
      ) : (
        <p class="hint">An app has at most {MAX_ENDPOINTS_PER_APP} endpoints. Delete one to add another.</p>
      )}
    </>,
  );
};

const AddEndpoint = ({ c, ...form }: { c: DashboardContext } & RefusedForm) => (
  <section class="card narrow" aria-labelledby="add">
    <h2 id="add">Add an endpoint</h2>
    <Form action={webhooksPath(c)} token={c.get('formToken')}>
      <WebhookFields {...form} settings={`${appPath(c.get('app'))}/health/policy`} />
      <button type="submit">Add endpoint</button>
    </Form>
  </section>
);

const EndpointTable = ({ c, endpoints }: { c: DashboardContext; endpoints: readonly WebhookEndpoint[] }) => (
  <Table
    label="Endpoints"
    columns={['URL', 'State', 'Events', 'Added']}
    rows={endpoints.map((endpoint) => ({
      isOver: endpoint.disabledAt !== undefined,
      cells: [
        <>
          <a href={`${webhooksPath(c)}/${endpoint.id}`}>{endpoint.url}</a>
          {endpoint.description !== '' && <span class="detail">{endpoint.description}</span>}
        </>,
        <WebhookState endpoint={endpoint} />,
        endpoint.eventTypes === undefined ? 'all' : `${endpoint.eventTypes.length} of them`,
        <Ago at={endpoint.createdAt} now={c.get('deps').now()} />,
      ],
    }))}
  />
);
