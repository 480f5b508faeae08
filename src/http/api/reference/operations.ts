import { HEALTH_GOOD_FOR_MS } from '../../../broker/operator/readiness.ts';
import { SECOND_MS } from '../../../domain/time.ts';
import { ACCOUNT_OPERATIONS } from '../accounts/reference.ts';
import { MANAGEMENT_OPERATIONS } from '../apps/reference.ts';
import { CHANGE_OPERATIONS } from '../changes/reference.ts';
import { CONNECT_OPERATIONS } from '../connections/link-reference.ts';
import { CONNECTION_OPERATIONS } from '../connections/reference.ts';
import { METRIC_OPERATIONS } from '../metrics/reference.ts';
import * as operator from '../operator/contract.ts';
import { USER_OPERATIONS } from '../users/reference.ts';
import { WEBHOOK_OPERATIONS } from '../webhooks/reference.ts';
import { ACCESS_TOKEN, json, type Operation, tagged } from './operation.ts';

const WALK = { started_at: '2026-06-15T12:00:00.000Z', connections_by_key: { k2: 12 }, resealed: 12, broken: 0 };
const KEYRING = {
  current_key_id: 'k2',
  key_ids: ['k1', 'k2'],
  missing_key_ids: [],
  settled: false,
  walk: null,
  last_walk: { ...WALK, finished_at: '2026-06-15T12:01:00.000Z' },
};

const HEALTH = {
  ok: true as const,
  checks: {
    database: 'ok' as const,
    migrations: 'ok' as const,
    links: 'ok' as const,
    keyring: 'ok' as const,
    cron: 'failing' as const,
  },
};

const STATUS = {
  now: '2026-06-15T12:00:00.000Z',
  cron: {
    state: 'keeping_up' as const,
    last_tick_noted_at: '2026-06-15T11:40:00.000Z',
    refreshes_due: 0,
    refreshes_in_doubt: 0,
    syncs_to_resume: 0,
    oldest_due_at: null,
  },
  failing: [],
  lost: [{ reason: 'refresh_token_rejected', count: 1 }],
  keyring: { current_key_id: 'k2', missing_key_ids: [], settled: true },
  alarms: [{ code: 'cron_late', since: '2026-06-15T11:40:00.000Z', reason: 'the oldest is 30 minutes late' }],
  withings: 'accepted' as const,
  migrations: { wanted: '0001_example.sql', applied: '0001_example.sql' },
};

const OPERATOR_OPERATIONS = tagged('Broker', ACCESS_TOKEN, [
  {
    id: 'getOperatorStatus',
    method: 'get',
    path: '/operator/status',
    summary: 'What an operator may have to fix',
    description:
      "Whether the cron keeps up, what fails, and whether keyring, credentials and database are right. The operator's token alone.",
    answers: [json(200, 'How the broker is.', operator.operatorStatus, STATUS)],
    problems: ['operator_only'],
  },
  {
    id: 'getKeyring',
    method: 'get',
    path: '/operator/keyring',
    summary: 'Which sealing keys there are, which are missing, and how far a rotation is',
    description: "The operator's token alone.",
    answers: [json(200, 'Key ids, never a key.', operator.keyring, KEYRING)],
    problems: ['operator_only'],
  },
  {
    id: 'reseal',
    method: 'post',
    path: '/operator/keyring/reseal',
    summary: 'Go a step further with sealing tokens under the current key',
    description: 'The cron does so by itself. Send it until `walk` is null.',
    answers: [json(200, 'How far it is.', operator.keyring, { ...KEYRING, walk: WALK })],
    problems: ['operator_only'],
  },
]);

const HEALTH_OPERATIONS = tagged('Broker', { kind: 'none' }, [
  {
    id: 'getHealth',
    method: 'get',
    path: '/healthz',
    summary: 'Whether the broker can serve',
    description: `For load balancers and monitors; a browser gets a page. A look is kept for ${HEALTH_GOOD_FOR_MS / SECOND_MS} seconds. Alert on \`failing\` in an answer of 200 too.`,
    answers: [
      {
        status: 200,
        description: 'It can.',
        contents: [
          { type: 'application/json', schema: operator.health, example: HEALTH },
          { type: 'text/html', example: '<!doctype html>…' },
        ],
      },
    ],
    problems: ['not_serving'],
  },
]);

/** Every operation of the API, in the order of the reference. A missing route fails `test/http/reference.test.ts`. */
export const OPERATIONS: readonly Operation[] = [
  ...CONNECT_OPERATIONS,
  ...CONNECTION_OPERATIONS,
  ...METRIC_OPERATIONS,
  ...CHANGE_OPERATIONS,
  ...USER_OPERATIONS,
  ...MANAGEMENT_OPERATIONS,
  ...WEBHOOK_OPERATIONS,
  ...ACCOUNT_OPERATIONS,
  ...OPERATOR_OPERATIONS,
  ...HEALTH_OPERATIONS,
];
