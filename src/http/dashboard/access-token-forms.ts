import * as z from 'zod';

import { createAccessToken, revokeToken } from '../../broker/apps/manage-accounts.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import { name } from '../api/schemas.ts';
import type { DashboardContext } from './context.ts';
import { parseForm, readForm, type RefusedForm } from './form.ts';

/** The result of the form that creates a token: the token, or the form with its errors. */
type CreatedToken = { token: Secret } | { refused: RefusedForm };

const tokenForm = z.strictObject({ name, expires_in_days: z.coerce.number().int().min(1).max(366) });

export const createTokenFromForm = async (
  c: DashboardContext,
  accountId: string,
): Promise<Result<CreatedToken, Failure>> => {
  const wanted = await parseForm(c, tokenForm);
  if (!wanted.ok) {
    const errors = { name: 'Give it a name of 1 to 100 characters, and a time of the list.' };
    return ok({ refused: { errors, typed: await readForm(c) } });
  }
  const { name, expires_in_days: lifetimeDays } = wanted.value;
  const created = await createAccessToken(c.get('deps'), c.get('manager'), accountId, { name, lifetimeDays });
  return created.ok ? ok({ token: created.value.token }) : created;
};

export const revokeNamedToken = (c: DashboardContext, accountId: string): Promise<Result<void, Failure>> =>
  revokeToken(c.get('deps'), c.get('manager'), accountId, c.req.param('token_id') ?? '');
