import type { Child } from 'hono/jsx';

import type { AppOverview } from '../../../broker/apps/app-overview.ts';
import type { App } from '../../../domain/app.ts';
import type { WebhookEndpoint } from '../../../domain/webhooks/endpoint.ts';
import { appPath } from './app-frame.tsx';

type Props = Pick<AppOverview, 'users' | 'failing'> & {
  app: App;
  /** How many redirect URIs are registered. */
  uris: number;
  /** How many API keys are not revoked. */
  keys: number;
  webhooks: readonly WebhookEndpoint[];
};

/** What keeps users from connecting or data from arriving, and how to fix it. */
export const Attention = (props: Props) => {
  const points = pointsOf(props);
  return (
    <section aria-labelledby="attention">
      <h2 id="attention">Needs attention</h2>
      {points.length === 0 ? (
        <p>Nothing. Links work, and all connections are kept alive.</p>
      ) : (
        <ul class="attention">
          {points.map(({ isBad, text }) => (
            <li class={isBad ? 'bad' : undefined}>{text}</li>
          ))}
        </ul>
      )}
    </section>
  );
};

type Point = { isBad: boolean; text: Child };

const pointsOf = (props: Props): Point[] => [
  ...[...appPoints(props), ...userPoints(props)].filter(({ applies }) => applies),
  ...webhookPoints(props),
];

const appPoints = ({ app, uris, keys }: Props): (Point & { applies: boolean })[] => {
  const path = appPath(app);
  return [
    {
      applies: app.disabledAt !== undefined,
      isBad: true,
      text: 'The app is disabled: no link, sync or refresh takes place. Enable it below.',
    },
    {
      applies: uris === 0,
      isBad: true,
      text: (
        <>
          No redirect URI is registered, so no link works. <a href={`${path}/health`}>Register one</a>
        </>
      ),
    },
    {
      applies: keys === 0,
      isBad: false,
      text: (
        <>
          There is no API key, so no backend can sync or read. <a href={`${path}/keys`}>Create one</a>
        </>
      ),
    },
  ];
};

const userPoints = ({ app, users, failing }: Props): (Point & { applies: boolean })[] => {
  const path = `${appPath(app)}/users`;
  return [
    {
      applies: users.reauth_required > 0,
      isBad: true,
      text: (
        <>
          {people(users.reauth_required)} must connect again: Withings no longer accepts the stored access. The app
          sends them through the link. <a href={`${path}?state=reauth_required`}>Show them</a>
        </>
      ),
    },
    {
      applies: failing,
      isBad: true,
      text: (
        <>
          Syncs or refreshes of users fail now. They are tried again by themselves.{' '}
          <a href={`${path}?state=failing`}>Show them</a>
        </>
      ),
    },
    {
      applies: users.pending > 0,
      isBad: false,
      text: (
        <>
          {people(users.pending)} came back from Withings and {users.pending === 1 ? 'waits' : 'wait'} for your backend
          to confirm the ticket. <a href={`${path}?state=pending`}>Show them</a>
        </>
      ),
    },
  ];
};

/** Endpoints that get nothing, unless a manager paused them, and those that are about to. */
const webhookPoints = ({ app, webhooks }: Props): Point[] =>
  webhooks
    .filter(({ disabledReason, failingSince }) =>
      disabledReason === undefined ? failingSince !== undefined : disabledReason !== 'by_owner',
    )
    .map(({ id, url, disabledReason }) => ({
      isBad: disabledReason !== undefined,
      text: (
        <>
          The webhook endpoint <code>{url}</code>{' '}
          {disabledReason === undefined
            ? 'refuses events or cannot be reached.'
            : disabledReason === 'gone'
              ? 'is disabled: it answered 410 Gone.'
              : 'is disabled: it failed for five days.'}{' '}
          <a href={`${appPath(app)}/webhooks/${id}`}>Show its attempts</a>
        </>
      ),
    }));

const people = (count: number): string => (count === 1 ? '1 user' : `${count.toLocaleString('en')} users`);
