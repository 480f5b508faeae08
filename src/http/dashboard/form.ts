import type * as z from 'zod';

import { fail, ok, type Result } from '../../domain/result.ts';
import type { DashboardContext } from './context.ts';

/** The form token's field. */
export const FORM_TOKEN_FIELD = 'form_token';

/** The field with the version that the page showed. */
export const VERSION_FIELD = 'version';

/** Errors by field name. */
export type FieldErrors = Readonly<Record<string, string>>;

export const readForm = async (c: DashboardContext): Promise<URLSearchParams> =>
  new URLSearchParams(new TextDecoder().decode(await c.req.arrayBuffer()));

/** Parses a posted form by a schema of the contract, each field as text; or returns the errors by field. */
export const parseForm = async <Schema extends z.ZodType>(
  c: DashboardContext,
  schema: Schema,
): Promise<Result<z.output<Schema>, FieldErrors>> => {
  const fields = Object.fromEntries(await readForm(c));
  const { [FORM_TOKEN_FIELD]: _, [VERSION_FIELD]: __, ...rest } = fields;
  const parsed = schema.safeParse(rest);
  if (parsed.success) return ok(parsed.data);
  return fail(Object.fromEntries(parsed.error.issues.map(({ path, message }) => [path.join('.'), message])));
};
