import * as z from 'zod';

import { APP_STATE_RULE } from '../../../domain/app-state.ts';
import { CONNECT_SESSION_LIFETIME_MS } from '../../../domain/link.ts';
import { MINUTE_MS } from '../../../domain/time.ts';
import { body, json, tagged } from '../reference/operation.ts';
import * as contract from './contract.ts';

const LINK_QUERY = z.object({
  user_id: z
    .string()
    .optional()
    .describe("The app's own id for the user. Needed without `session`, together with `redirect_uri`."),
  redirect_uri: z
    .string()
    .optional()
    .describe("One of the app's registered redirect URIs, byte for byte; percent-encoded in the query."),
  session: z
    .string()
    .optional()
    .describe('A connect session, instead of the two others: the `auth_url` of one holds it already.'),
  state: z
    .string()
    .optional()
    .describe(
      `The app's own value, returned to the redirect URI as \`state\` with every ending. ${APP_STATE_RULE} With \`session\`, the session holds it.`,
    ),
  account: contract.linkAccount,
  ending: z
    .literal('page')
    .optional()
    .describe(
      'Ends on a page of the broker with a button, instead of a redirect: to try a link on a computer without the app.',
    ),
});

const CALLBACK_QUERY = z.object({
  state: z.string().optional().describe('What the broker sent along.'),
  code: z.string().optional().describe("Withings' authorization code."),
  error: z.string().optional().describe('What Withings says instead of a code.'),
});

const PUBLIC_OPERATIONS = tagged('Connecting', { kind: 'none' }, [
  {
    id: 'startLink',
    method: 'get',
    path: '/apps/{app_id}/withings/auth',
    summary: "Send the user's browser to Withings",
    description:
      'Open this URL in the browser of the user (on a phone: `ASWebAuthenticationSession` or a Custom Tab), with `user_id` and `redirect_uri`, or with the `session` of a connect session. Each parameter exactly once. A `redirect_uri` that is not registered is answered here, never redirected to.',
    query: LINK_QUERY,
    answers: [
      {
        status: 302,
        description: "To Withings' consent page.",
        headers: ['Location', 'Set-Cookie'],
      },
    ],
    problems: [
      'redirect_uri_not_allowed',
      'connect_session_required',
      'app_disabled',
      'app_not_found',
      'rate_limited',
      'storage_unavailable',
    ],
  },
  {
    id: 'finishLink',
    method: 'get',
    path: '/withings/callback',
    summary: 'What Withings sends the browser back to',
    description:
      "Register this URL at Withings; apps never call it. It redirects to the app's `redirect_uri`: unchanged when the user is connected, with `ticket` where the connection waits for its confirmation, else with `error` and `error_description`. Without parameters it answers 200, for Withings' own probe.",
    query: CALLBACK_QUERY,
    answers: [
      {
        status: 200,
        description: 'The answer to a probe, or the page of a link with `ending=page`.',
        contents: [
          { type: 'text/plain', example: 'Withings sends browsers here.' },
          { type: 'text/html', example: '<!doctype html><title>Connected</title>' },
        ],
      },
      {
        status: 302,
        description: 'To the app. The body is a page with a button, for browsers that open an app on a tap only.',
        headers: ['Location'],
        contents: [{ type: 'text/html', example: '<!doctype html><title>Back to the app</title>' }],
      },
    ],
    problems: [
      'invalid_state',
      'state_expired',
      'redirect_uri_not_allowed',
      'app_disabled',
      'rate_limited',
      'storage_unavailable',
    ],
  },
  {
    id: 'probeNotifications',
    method: 'get',
    path: '/withings/notify/{secret}',
    summary: 'What Withings checks before it notifies',
    description: 'The broker subscribes by itself; apps never call this. Also by `HEAD`. It touches nothing.',
    answers: [
      {
        status: 200,
        description: 'Whatever the secret is.',
        contents: [{ type: 'text/plain', example: 'Withings posts here.' }],
      },
    ],
    problems: [],
  },
  {
    id: 'takeNotification',
    method: 'post',
    path: '/withings/notify/{secret}',
    summary: "What Withings posts when a person's data changed",
    description:
      'A form of Withings without any values: the broker syncs for it, behind the answer. An empty body is answered 200 and touches nothing.',
    answers: [{ status: 200, description: 'Taken.', contents: [{ type: 'text/plain', example: 'Taken.' }] }],
    problems: ['not_found', 'storage_unavailable'],
  },
]);

const BACKEND_OPERATIONS = tagged('Connecting', { kind: 'app_key', scope: 'manage-links', userTokens: false }, [
  {
    id: 'createConnectSession',
    method: 'post',
    path: '/apps/{app_id}/withings/connect-sessions',
    summary: 'Make a single-use link for one user',
    description: `For backends: the link names the user and the redirect URI itself, is good once and for ${CONNECT_SESSION_LIFETIME_MS / MINUTE_MS} minutes, and is the only kind that apps with the link policy \`session\` take.`,
    body: body(contract.connectSessionRequest, { user_id: 'ada', redirect_uri: 'womoji://withings/success' }),
    answers: [
      json(201, 'The link.', contract.connectSession, {
        auth_url: 'https://broker.example.com/apps/app_0123456789abcdef0123/withings/auth?session=eyJhbGciOi…',
        expires_at: '2026-06-15T12:10:00.000Z',
      }),
    ],
    problems: ['redirect_uri_not_allowed'],
  },
  {
    id: 'confirmLink',
    method: 'post',
    path: '/apps/{app_id}/withings/confirm',
    summary: 'Confirm a pending connection',
    description:
      'For backends: send the `ticket` from the redirect and the id of the user who is signed in where it arrived. A ticket is good once.',
    body: body(contract.confirmRequest, { ticket: 'mushu_ticket_…', user_id: 'ada' }),
    answers: [json(200, 'The user is connected.', contract.status, { connected: true })],
    problems: ['not_found', 'wrong_user', 'account_in_use', 'already_connected', 'sealing_key_missing'],
  },
  {
    id: 'createUserToken',
    method: 'post',
    path: '/apps/{app_id}/withings/user-tokens',
    summary: "Make a token for one user's phone",
    description:
      "For backends: the token takes the key's place in that user's sync, status, metrics and disconnect, for at most an hour. Send it as `Authorization: Bearer`.",
    body: body(contract.userTokenRequest, { user_id: 'ada' }),
    answers: [
      json(201, 'The token.', contract.userToken, { token: 'eyJhbGciOi…', expires_at: '2026-06-15T13:00:00.000Z' }),
    ],
  },
]);

/** The connect flow: the two URLs that a browser opens, and the calls of an app's backend. */
export const CONNECT_OPERATIONS = [...PUBLIC_OPERATIONS, ...BACKEND_OPERATIONS];
