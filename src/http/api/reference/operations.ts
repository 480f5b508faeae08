import * as z from 'zod';

import { CONNECT_OPERATIONS } from './connect.ts';
import { CONNECTION_OPERATIONS } from './connections.ts';
import { MANAGEMENT_OPERATIONS } from './management.ts';
import { METRIC_OPERATIONS } from './metrics.ts';
import { json, type Operation } from './operation.ts';
import { USER_OPERATIONS } from './users.ts';

const BROKER_OPERATIONS: readonly Operation[] = [
  {
    id: 'getHealth',
    method: 'get',
    path: '/healthz',
    tag: 'Broker',
    summary: 'That the broker runs',
    auth: { kind: 'none' },
    answers: [json(200, 'It does.', z.object({ ok: z.boolean() }), { ok: true })],
  },
  {
    id: 'getOpenApi',
    method: 'get',
    path: '/openapi.json',
    tag: 'Broker',
    summary: 'This document',
    auth: { kind: 'none' },
    answers: [json(200, 'An OpenAPI 3.1 document.', z.looseObject({ openapi: z.string() }), { openapi: '3.1.1' })],
  },
];

/** Every operation of the API, in the order of the reference. A route that is not here fails `test/http/reference.test.ts`. */
export const OPERATIONS: readonly Operation[] = [
  ...CONNECT_OPERATIONS,
  ...CONNECTION_OPERATIONS,
  ...METRIC_OPERATIONS,
  ...USER_OPERATIONS,
  ...MANAGEMENT_OPERATIONS,
  ...BROKER_OPERATIONS,
];
