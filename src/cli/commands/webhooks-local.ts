import { createHmac, randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';

import { message } from '@optique/core/message';
import { optional } from '@optique/core/modifiers';
import { argument, command, option } from '@optique/core/primitives';
import { choice, integer, string } from '@optique/core/valueparser';

import type { Read } from '../../client/contract.ts';
import type { Broker } from '../../client/send.ts';
import { createWebhook, deleteWebhook, listEvents, listWebhooks } from '../../client/webhooks.ts';
import { createdWebhook, eventsPage, eventType, webhookList } from '../../http/api/webhooks/contract.ts';
import { call } from '../call.ts';
import { cliFailure, EXIT } from '../exit.ts';
import { app, appId, chosenBroker, common, example, runs } from '../options.ts';
import { bad, good, print, printErr, show, time } from '../output.ts';

/** Webhooks on a developer's machine, without a tunnel: events are read from the broker and forwarded from here. */

type Event = Read<'event'>;

const POLL_MS = 1_000;

const forwardTo = option('--forward-to', string({ metavar: 'URL' }), {
  description: message`A server on this machine, which gets each event signed.`,
});
const secretOption = optional(
  option('--secret', string({ metavar: 'WHSEC' }), {
    description: message`Signs what is forwarded. By default one is made and printed.`,
  }),
);

const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** Posts an event as the broker would: signed by the rules of Standard Webhooks. Undefined if nothing answers. */
const forward = async (
  url: string,
  secret: string,
  event: Event,
  signal?: AbortSignal,
): Promise<Response | undefined> => {
  const body = JSON.stringify(event);
  const seconds = String(Math.floor(Date.now() / 1_000));
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${event.id}.${seconds}.${body}`).digest('base64');
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body,
      redirect: 'manual',
      ...(signal !== undefined && { signal }),
      headers: {
        'Content-Type': 'application/json',
        'webhook-id': event.id,
        'webhook-timestamp': seconds,
        'webhook-signature': `v1,${signature}`,
      },
    });
    await answer.body?.cancel();
    return answer;
  } catch {
    return undefined;
  }
};

const wordsOf = (answer: Response | undefined): string =>
  (answer?.ok === true ? good : bad)(String(answer?.status ?? 'unreachable'));

const lineOf = ({ timestamp, type, data }: Event): string => `${time(timestamp)}  ${type}  ${data.user_id}`;

const PLACEHOLDER = 'https://example.com/mushu-webhooks-listen';

/**
 * Apps record events while they have an endpoint. If an app has none, each listener adds one that gets nothing, and
 * removes only that one: another listener may rely on the others.
 */
const keepRecording = async (broker: Broker, of: string): Promise<() => Promise<void>> => {
  const { value } = await call(webhookList, listWebhooks, broker, of);
  const removal = (id: string): string => `mushu webhooks remove ${id} --app ${of}`;
  const ofListeners = value.data.filter(({ url }) => url === PLACEHOLDER);
  for (const { id } of ofListeners) printErr(`Another listener added ${id}. If none runs any more: ${removal(id)}`);
  if (value.data.length > ofListeners.length) return async () => undefined;
  const added = await call(createdWebhook, createWebhook, broker, of, {
    url: PLACEHOLDER,
    events: ['webhook.test'],
    description: 'mushu webhooks listen',
  });
  const { id } = added.value;
  return async () => {
    const removed = await deleteWebhook(broker, of, id);
    if (!removed.ok) printErr(`${id} may be left: ${removal(id)}`);
  };
};

/** Aborts on a signal that ends the program, and if the output is not read any more. */
const untilEnded = (): AbortSignal => {
  const ended = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => ended.abort());
  process.stdout.once('error', () => ended.abort());
  return ended.signal;
};

/** The end of the app's events: what is listened to comes after it. */
const endOf = async (broker: Broker, of: string): Promise<number> => {
  for (let after = 0; ;) {
    const { value } = await call(eventsPage, listEvents, broker, of, { after });
    if (!value.has_more) return value.next_after;
    after = value.next_after;
  }
};

export const listenCommand = command(
  'listen',
  runs(
    {
      ...common,
      app,
      forwardTo: optional(forwardTo),
      secret: secretOption,
      count: optional(option('--count', integer({ min: 1 }), { description: message`End after so many events.` })),
    },
    async ({ json, app: wanted, forwardTo: url, secret = newSecret(), count = Infinity, ...target }) => {
      const broker = chosenBroker(target);
      const of = appId(wanted);
      const ended = untilEnded();
      const stopRecording = await keepRecording(broker, of);
      try {
        let after = await endOf(broker, of);
        printErr(`Listening to the events of ${of}. Ctrl-C ends it.`);
        if (url !== undefined) printErr(`Forwarding to ${url}, signed with ${secret}`);
        let seen = 0;
        const isOver = (): boolean => seen >= count || ended.aborted;
        while (!isOver()) {
          const { value } = await call(eventsPage, listEvents, broker, of, { after });
          after = value.next_after;
          for (const event of value.data) {
            if (isOver()) break;
            const came = url === undefined ? '' : `  ${wordsOf(await forward(url, secret, event, ended))}`;
            print(json ? JSON.stringify(event) : `${lineOf(event)}${came}`);
            seen += 1;
          }
          if (!value.has_more && !isOver()) await wait(POLL_MS, undefined, { signal: ended }).catch(() => undefined);
        }
      } finally {
        await stopRecording();
      }
    },
  ),
  {
    brief: message`Show events as they come, and forward them to this machine.`,
    ...example('mushu webhooks listen --forward-to http://127.0.0.1:3000/webhooks --app APP'),
  },
);

const REASON = { reason: 'refresh_token_rejected' };

const sampleOf = (type: Event['type'], appOf: string): Event => ({
  id: `evt_${randomBytes(10).toString('hex')}`,
  type,
  timestamp: new Date().toISOString(),
  data: {
    app_id: appOf,
    user_id: 'ada',
    sequence: 1,
    ...(type === 'connection.reauth_required' && REASON),
    ...(type === 'measurements.changed' && {
      groups: 1,
      changes: [{ user_id: 'ada', group_id: 6437845643, measurements: [SAMPLE_WEIGHT] }],
    }),
  },
});

const SAMPLE_WEIGHT = {
  metric: 'weight',
  value: 71.3,
  unit: 'kg',
  measured_at: '2026-06-15T09:30:00+02:00',
  group_id: 6437845643,
  derived: false,
  source: { device: 'Body+', attribution: 'device' },
} as const;

export const triggerCommand = command(
  'trigger',
  runs(
    {
      ...common,
      app,
      type: argument(choice(eventType.options, { metavar: 'EVENT' }), { description: message`The type to send.` }),
      forwardTo,
      secret: secretOption,
    },
    async ({ json, type, forwardTo: url, secret = newSecret(), app: wanted }) => {
      const event = sampleOf(type, wanted ?? 'app_0123456789abcdef0123');
      const answer = await forward(url, secret, event);
      show(json, { event, status: answer?.status ?? null }, () => `${lineOf(event)}  ${wordsOf(answer)}`);
      printErr(`Signed with ${secret}`);
      if (answer?.ok !== true) throw cliFailure(EXIT.refused, 'The server did not take it.');
    },
  ),
  {
    brief: message`Send a sample event to a server on this machine.`,
    ...example('mushu webhooks trigger measurements.changed --forward-to http://127.0.0.1:3000/webhooks'),
  },
);
