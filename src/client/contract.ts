import type * as z from 'zod';

import type * as accounts from '../http/api/accounts/contract.ts';
import type * as apps from '../http/api/apps/contract.ts';
import type * as changes from '../http/api/changes/contract.ts';
import type * as connections from '../http/api/connections/contract.ts';
import type * as metrics from '../http/api/metrics/contract.ts';
import type * as operator from '../http/api/operator/contract.ts';
import type { PROBLEM_STATUS } from '../http/api/problem-codes.ts';
import type * as schemas from '../http/api/schemas.ts';
import type * as users from '../http/api/users/contract.ts';

/**
 * The types of the server's contract, by the names that its schemas have.
 *
 * They are inferred from calls, because a compiler that makes declarations writes an inferred type out in full, and a stated one by its
 * name. So the declarations that are published need neither zod nor the server's sources. The calls do nothing: no value of these types is
 * ever made here.
 */
type Contract = typeof schemas &
  typeof accounts &
  typeof apps &
  typeof changes &
  typeof connections &
  typeof metrics &
  typeof operator &
  typeof users;

const nothing = undefined as never;
const outputs = <Schemas>(): {
  [Name in keyof Schemas]: Schemas[Name] extends z.ZodType ? z.output<Schemas[Name]> : never;
} => nothing;
const inputs = <Schemas>(): {
  [Name in keyof Schemas]: Schemas[Name] extends z.ZodType ? z.input<Schemas[Name]> : never;
} => nothing;
const table = <Table>(): { [Key in keyof Table]: Table[Key] } => nothing;

const read = outputs<Contract>();
const written = inputs<Contract>();
const statusOf = table<typeof PROBLEM_STATUS>();

/** What a schema of the contract holds, as it is read. */
export type Read<Name extends keyof typeof read> = (typeof read)[Name];

/** What a schema of the contract takes, as it is sent. */
export type Written<Name extends keyof typeof written> = (typeof written)[Name];

/** Every error code there is. */
export type ProblemCode = keyof typeof statusOf;
