import { Hono } from 'hono';
import * as z from 'zod';

import {
  deleteWebhook,
  listAttempts,
  resendEvents,
  type ResendOptions,
  rotateWebhookSecret,
  showWebhook,
  testWebhook,
  updateWebhook,
} from '../../../broker/webhooks/manage-webhooks.ts';
import type { Failure } from '../../../domain/failure.ts';
import type { Result } from '../../../domain/result.ts';
import { ownHosts } from '../../public-url.ts';
import { appPage, appPath } from '../components/app-frame.tsx';
import { Form } from '../components/form.tsx';
import { ShownOnce } from '../components/shown-once.tsx';
import { WebhookActions } from '../components/webhook-actions.tsx';
import { WebhookAttempts } from '../components/webhook-attempts.tsx';
import { WebhookFacts } from '../components/webhook-facts.tsx';
import { WebhookFields } from '../components/webhook-fields.tsx';
import { WebhookState } from '../components/webhook-state.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { answerBadForm, answerFailure } from '../failure.tsx';
import { redirectShowing, redirectWithNotice, takeShown } from '../flash.ts';
import { parseForm, readForm, type RefusedForm } from '../form.ts';
import type { Notice } from '../notice.ts';
import { errorsOf, fieldsOf, optionsOf, webhookForm, wordsOf } from '../webhook-form.ts';
import { webhooksPath } from './webhooks.tsx';

/** One webhook endpoint: its settings, its secret, and what was sent to it. */
export const webhookPages = new Hono<DashboardEnv>();

const idOf = (c: DashboardContext): string => c.req.param('webhook_id') ?? '';
const pathOf = (c: DashboardContext): string => `${webhooksPath(c)}/${encodeURIComponent(idOf(c))}`;

/** Returns to the endpoint's page, with a notice or with what went wrong. */
const back = (c: DashboardContext, done: Result<unknown, Failure>, notice: Notice): Response | Promise<Response> =>
  done.ok ? redirectWithNotice(c, pathOf(c), notice) : answerFailure(c, done.failure);

webhookPages.get('/', (c) => webhookPage(c));

webhookPages.post('/change', async (c) => {
  const typed = await readForm(c);
  const wanted = await parseForm(c, webhookForm);
  if (!wanted.ok) {
    const errors = wordsOf(wanted.failure);
    return errors === undefined ? answerBadForm(c, wanted.failure) : webhookPage(c, { errors, typed });
  }
  const { eventTypes = null, ...rest } = optionsOf(wanted.value);
  const changed = await updateWebhook(c.get('deps'), c.get('managed'), idOf(c), { ...rest, eventTypes }, ownHosts(c));
  const errors = changed.ok ? undefined : errorsOf(changed.failure);
  return errors === undefined ? back(c, changed, 'webhook_changed') : webhookPage(c, { errors, typed });
});

webhookPages.post('/rotate', async (c) => {
  const rotated = await rotateWebhookSecret(c.get('deps'), c.get('managed'), idOf(c));
  if (!rotated.ok) return answerFailure(c, rotated.failure);
  return redirectShowing(c, pathOf(c), { kind: 'webhook_secret', secret: rotated.value.secret });
});

webhookPages.post('/pause', (c) => setDisabled(c, true));
webhookPages.post('/enable', (c) => setDisabled(c, false));

const setDisabled = async (c: DashboardContext, disabled: boolean): Promise<Response> => {
  const changed = await updateWebhook(c.get('deps'), c.get('managed'), idOf(c), { disabled }, ownHosts(c));
  return back(c, changed, disabled ? 'webhook_paused' : 'webhook_enabled');
};

webhookPages.post('/delete', async (c) => {
  const deleted = await deleteWebhook(c.get('deps'), c.get('managed'), idOf(c));
  if (!deleted.ok) return answerFailure(c, deleted.failure);
  return redirectWithNotice(c, webhooksPath(c), 'webhook_deleted');
});

webhookPages.post('/test', async (c) =>
  back(c, await testWebhook(c.get('deps'), c.get('managed'), idOf(c)), 'webhook_tested'),
);

const resendForm = z.strictObject({ sequence: z.coerce.number().int().min(1) });

webhookPages.post('/resend', async (c) => {
  const wanted = await parseForm(c, resendForm);
  if (!wanted.ok) return answerBadForm(c, wanted.failure);
  const { sequence } = wanted.value;
  return resend(c, { from: sequence, to: sequence });
});

webhookPages.post('/resend-failed', (c) => resend(c, { failedSince: 0 }));

const resend = async (c: DashboardContext, which: ResendOptions): Promise<Response> => {
  const queued = await resendEvents(c.get('deps'), c.get('managed'), idOf(c), which);
  const isGone = queued.ok && queued.value.queued === 0;
  return back(c, queued, isGone ? 'webhook_nothing_resent' : 'webhook_resent');
};

const webhookPage = async (c: DashboardContext, refused?: RefusedForm): Promise<Response> => {
  const [found, attempts] = await Promise.all([
    showWebhook(c.get('deps'), c.get('managed'), idOf(c)),
    listAttempts(c.get('deps'), c.get('managed'), idOf(c)),
  ]);
  if (!found.ok) return answerFailure(c, found.failure);
  if (!attempts.ok) return answerFailure(c, attempts.failure);
  const endpoint = found.value;
  const isDisabled = endpoint.disabledAt !== undefined;
  const shown = await takeShown(c);
  const formToken = c.get('formToken');
  return appPage(
    c,
    { tab: 'webhooks', page: endpoint.url, status: refused === undefined ? 200 : 422 },
    <>
      {shown && <ShownOnce {...shown} />}
      <section aria-labelledby="endpoint">
        <div class="title">
          <h2 id="endpoint">{endpoint.url}</h2>
          <WebhookState endpoint={endpoint} />
          <WebhookActions isDisabled={isDisabled} path={pathOf(c)} formToken={formToken} />
        </div>
        <WebhookFacts endpoint={endpoint} now={c.get('deps').now()} />
      </section>
      <WebhookAttempts attempts={attempts.value} maySend={!isDisabled} path={pathOf(c)} formToken={formToken} />
      <details open={refused !== undefined}>
        <summary>Change the endpoint</summary>
        <Form action={`${pathOf(c)}/change`} token={formToken}>
          <WebhookFields
            {...(refused ?? { errors: {}, typed: fieldsOf(endpoint) })}
            settings={`${appPath(c.get('app'))}/health/policy`}
          />
          <button type="submit">Save</button>
        </Form>
      </details>
    </>,
  );
};
