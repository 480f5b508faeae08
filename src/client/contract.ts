import type * as z from 'zod';

import type * as accounts from '../http/api/contract-accounts.ts';
import type * as changes from '../http/api/contract-changes.ts';
import type * as lists from '../http/api/contract-lists.ts';
import type * as operator from '../http/api/contract-operator.ts';
import type * as users from '../http/api/contract-users.ts';
import type * as contract from '../http/api/contract.ts';
import type { PROBLEM_STATUS } from '../http/api/problem-codes.ts';

/**
 * The types of the server's contract, by the names that its schemas have.
 *
 * They are inferred from calls, because a compiler that makes declarations writes an inferred type out in full, and a stated one by its
 * name. So the declarations that are published need neither zod nor the server's sources. The calls do nothing.
 */
type Contract = typeof contract & typeof lists & typeof accounts & typeof changes & typeof users & typeof operator;

const outputs = <Schemas>() =>
  undefined as unknown as {
    [Name in keyof Schemas]: Schemas[Name] extends z.ZodType ? z.output<Schemas[Name]> : never;
  };
const inputs = <Schemas>() =>
  undefined as unknown as { [Name in keyof Schemas]: Schemas[Name] extends z.ZodType ? z.input<Schemas[Name]> : never };
const table = <Table>() => undefined as unknown as { [Key in keyof Table]: Table[Key] };

const read = outputs<Contract>();
const written = inputs<Contract>();
const statusOf = table<typeof PROBLEM_STATUS>();

/** What a schema of the contract holds, as it is read. */
export type Read<Name extends keyof typeof read> = (typeof read)[Name];

/** What a schema of the contract takes, as it is sent. */
export type Written<Name extends keyof typeof written> = (typeof written)[Name];

/** Every error code there is. */
export type ProblemCode = keyof typeof statusOf;
