import { or } from '@optique/core/constructs';
import { type Message, message } from '@optique/core/message';
import { multiple, optional } from '@optique/core/modifiers';
import { argument, command, option } from '@optique/core/primitives';
import { choice, integer, string } from '@optique/core/valueparser';
import * as z from 'zod';

import {
  createWebhook,
  deleteWebhook,
  listWebhookAttempts,
  listWebhooks,
  resendEvents,
  rotateWebhookSecret,
  testWebhook,
  updateWebhook,
} from '../../client/webhooks.ts';
import {
  createdWebhook,
  eventType,
  resent,
  webhook,
  webhookAttemptList,
  webhookList,
  webhookTest,
} from '../../http/api/webhooks/contract.ts';
import { call } from '../call.ts';
import { app, appId, chosenBroker, common, example, runs } from '../options.ts';
import { bad, good, printErr, show, showDeleted, table, time } from '../output.ts';
import { listenCommand, triggerCommand } from './webhooks-local.ts';

const webhookId = argument(string({ metavar: 'WEBHOOK' }), { description: message`The endpoint's id.` });
const events = multiple(
  option('--event', choice(eventType.options, { metavar: 'TYPE' }), {
    description: message`A type of event that it gets; repeat it for more. By default all.`,
  }),
);

const addCommand = command(
  'add',
  runs(
    {
      ...common,
      app,
      endpoint: argument(string({ metavar: 'URL' }), { description: message`Where events are sent.` }),
      events,
      thin: optional(option('--thin', { description: message`Send no measurements, only whom an event concerns.` })),
      description: optional(option('--description', string({ metavar: 'TEXT' }))),
    },
    async ({ json, app: wanted, endpoint, events: types, thin, description, ...target }) => {
      const { value } = await call(createdWebhook, createWebhook, chosenBroker(target), appId(wanted), {
        url: endpoint,
        ...(types.length > 0 && { events: [...types] }),
        ...(thin === true && { payload: 'thin' as const }),
        ...(description !== undefined && { description }),
      });
      show(json, value, () => `Added ${value.id}\nSecret, shown this once: ${value.secret}`);
    },
  ),
  {
    brief: message`Add an endpoint. Its secret is shown once.`,
    ...example('mushu webhooks add https://api.example.com/hooks --app APP'),
  },
);

const listCommand = command(
  'list',
  runs({ ...common, app }, async ({ json, app: wanted, ...target }) => {
    const { value } = await call(webhookList, listWebhooks, chosenBroker(target), appId(wanted));
    show(json, value.data, () =>
      table(
        ['WEBHOOK', 'URL', 'EVENTS', 'STATE'],
        value.data.map((one) => [one.id, one.url, one.events?.join(' ') ?? 'all', stateOf(one)]),
        'None yet. Add one: mushu webhooks add URL --app APP',
      ),
    );
  }),
  { brief: message`List the endpoints.`, ...example('mushu webhooks list --app APP') },
);

const stateOf = ({ disabled, disabled_reason: reason, failing_since: since }: z.infer<typeof webhook>): string => {
  if (disabled) return bad(`disabled (${reason ?? 'by_owner'})`);
  return since === null ? good('ok') : bad(`failing since ${time(since)}`);
};

const removeCommand = command(
  'remove',
  runs({ ...common, app, webhookId }, async ({ json, app: wanted, webhookId: id, ...target }) => {
    await call(z.null(), deleteWebhook, chosenBroker(target), appId(wanted), id);
    showDeleted(json, id, `Removed ${id}`);
  }),
  {
    brief: message`Remove an endpoint. Events that wait for it are dropped.`,
    ...example('mushu webhooks remove WEBHOOK --app APP'),
  },
);

const switchCommand = (name: 'enable' | 'disable', brief: Message) =>
  command(
    name,
    runs({ ...common, app, webhookId }, async ({ json, app: wanted, webhookId: id, ...target }) => {
      const change = { disabled: name === 'disable' };
      const { value } = await call(webhook, updateWebhook, chosenBroker(target), appId(wanted), id, change);
      show(json, value, () => `${name === 'disable' ? 'Disabled' : 'Enabled'} ${id}`);
    }),
    { brief, ...example(`mushu webhooks ${name} WEBHOOK --app APP`) },
  );

const rotateCommand = command(
  'rotate-secret',
  runs({ ...common, app, webhookId }, async ({ json, app: wanted, webhookId: id, ...target }) => {
    const { value } = await call(createdWebhook, rotateWebhookSecret, chosenBroker(target), appId(wanted), id);
    show(json, value, () => `Secret, shown this once: ${value.secret}`);
    if (!json) printErr(`The secret before it also signs until ${time(value.previous_secret_until)}.`);
  }),
  { brief: message`Give an endpoint a new secret.`, ...example('mushu webhooks rotate-secret WEBHOOK --app APP') },
);

const testCommand = command(
  'test',
  runs({ ...common, app, webhookId }, async ({ json, app: wanted, webhookId: id, ...target }) => {
    const { value } = await call(webhookTest, testWebhook, chosenBroker(target), appId(wanted), id);
    show(json, value, () => `Sent ${value.event_id}. See what came of it: mushu webhooks attempts ${id} --app APP`);
  }),
  { brief: message`Send a test event to an endpoint.`, ...example('mushu webhooks test WEBHOOK --app APP') },
);

const attemptsCommand = command(
  'attempts',
  runs({ ...common, app, webhookId }, async ({ json, app: wanted, webhookId: id, ...target }) => {
    const { value } = await call(webhookAttemptList, listWebhookAttempts, chosenBroker(target), appId(wanted), id);
    show(json, value.data, () =>
      table(
        ['AT', 'EVENT', 'TYPE', 'STATUS', 'MS', 'ANSWER'],
        value.data.map((one) => [
          time(one.at),
          String(one.sequence),
          one.type,
          String(one.status ?? one.error),
          String(one.ms),
          one.answer?.slice(0, 60) ?? '',
        ]),
        'Nothing was sent yet.',
      ),
    );
  }),
  { brief: message`The last attempts to deliver.`, ...example('mushu webhooks attempts WEBHOOK --app APP') },
);

const resendCommand = command(
  'resend',
  runs(
    {
      ...common,
      app,
      webhookId,
      from: optional(option('--from', integer({ min: 1 }), { description: message`The sequence of the first event.` })),
      to: optional(option('--to', integer({ min: 1 }), { description: message`The last one; by default the first.` })),
      failedSince: optional(
        option('--failed-since', string({ metavar: 'TIME' }), {
          description: message`Instead: events whose last attempt failed since then.`,
        }),
      ),
    },
    async ({ json, app: wanted, webhookId: id, from, to, failedSince, ...target }) => {
      const which = from === undefined ? { failed_since: failedSince ?? '' } : { from, to: to ?? from };
      const { value } = await call(resent, resendEvents, chosenBroker(target), appId(wanted), id, which);
      show(json, value, () => `${value.queued} queued; they are sent within a minute.`);
    },
  ),
  {
    brief: message`Send events again: one, a range, or those that failed.`,
    ...example('mushu webhooks resend WEBHOOK --from 40 --to 42 --app APP'),
  },
);

export const webhooksCommand = command(
  'webhooks',
  or(
    or(addCommand, listCommand, removeCommand, rotateCommand),
    or(
      switchCommand('enable', message`Enable an endpoint, and send what has waited for it.`),
      switchCommand('disable', message`Send nothing to an endpoint.`),
    ),
    or(testCommand, attemptsCommand, resendCommand),
    or(listenCommand, triggerCommand),
  ),
  { brief: message`Webhooks: endpoints, attempts, and trying them on this machine.` },
);
