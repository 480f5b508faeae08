import type * as z from 'zod';

import type * as accounts from '../http/api/accounts/contract.ts';
import type * as apps from '../http/api/apps/contract.ts';
import type * as changes from '../http/api/changes/contract.ts';
import type * as connections from '../http/api/connections/contract.ts';
import type * as metrics from '../http/api/metrics/contract.ts';
import type * as metricQueries from '../http/api/metrics/queries.ts';
import type * as operator from '../http/api/operator/contract.ts';
import type { PROBLEM_STATUS } from '../http/api/problem-codes.ts';
import type * as schemas from '../http/api/schemas.ts';
import type * as users from '../http/api/users/contract.ts';
import type * as webhooks from '../http/api/webhooks/contract.ts';

/**
 * The types of the server's contract, by the names of its schemas.
 *
 * They are inferred from calls. In declarations the compiler writes an inferred type in full and a stated type by name.
 * So the published declarations need neither zod nor the server's sources. The calls do nothing: no value of these
 * types exists here.
 */
type Contract = typeof schemas &
  typeof accounts &
  typeof apps &
  typeof changes &
  typeof connections &
  typeof metrics &
  typeof metricQueries &
  typeof operator &
  typeof users &
  typeof webhooks;

const nothing = undefined as never;
/** Requests are read by the server alone, as types of its own. */
const outputs = <Schemas>(): {
  [Name in keyof Schemas as Name extends `${string}Request` | 'userId' ? never : Name]: Schemas[Name] extends z.ZodType
    ? z.output<Schemas[Name]>
    : never;
} => nothing;
const inputs = <Schemas>(): {
  [Name in keyof Schemas]: Schemas[Name] extends z.ZodType ? z.input<Schemas[Name]> : never;
} => nothing;
const table = <Table>(): { [Key in keyof Table]: Table[Key] } => nothing;

const read = outputs<Contract>();
const written = inputs<Contract>();
const statusOf = table<typeof PROBLEM_STATUS>();

/** A schema's output type: what an answer contains. */
export type Read<Name extends keyof typeof read> = (typeof read)[Name];

/** A schema's input type: what a request contains. */
export type Written<Name extends keyof typeof written> = (typeof written)[Name];

export type ProblemCode = keyof typeof statusOf;
