import * as z from 'zod';

import { fail, ok, type Result } from '../../domain/result.ts';
import { name } from '../api/schemas.ts';
import { plainIssue } from '../plain-issue.ts';
import type { DashboardContext } from './context.ts';

/** The form token's field. */
export const FORM_TOKEN_FIELD = 'form_token';

/** The field with the version that the page showed. */
export const VERSION_FIELD = 'version';

/** Errors by field name. */
export type FieldErrors = Readonly<Record<string, string>>;

/** A form that was refused: its page shows the errors, and what was typed. */
export type RefusedForm = { errors: FieldErrors; typed: URLSearchParams };

export const readForm = async (c: DashboardContext): Promise<URLSearchParams> =>
  new URLSearchParams(new TextDecoder().decode(await c.req.arrayBuffer()));

/** A name, and nothing else: what names an app or an account. */
export const nameForm = z.strictObject({ name });

/** A ticked checkbox sends this; the others send nothing. */
export const checkbox = z.literal('true').optional();

/**
 * Parses a posted form by its strict schema, each field as text, or returns the errors by field. A field that the
 * page's form does not have is refused.
 */
export const parseForm = async <Schema extends z.ZodObject>(
  c: DashboardContext,
  schema: Schema,
): Promise<Result<z.output<Schema>, FieldErrors>> => {
  const form = await readForm(c);
  for (const own of [FORM_TOKEN_FIELD, VERSION_FIELD]) form.delete(own);
  const names = new Set([...form.keys(), ...Object.keys(schema.shape).filter((field) => isList(schema, field))]);
  const fields = [...names].map((field) => {
    const values = form.getAll(field);
    return [field, isList(schema, field) ? values : values[0]] as const;
  });
  const parsed = schema.safeParse(Object.fromEntries(fields), { error: plainIssue });
  if (parsed.success) return ok(parsed.data);
  return fail(Object.fromEntries(parsed.error.issues.map(({ path, message }) => [path.join('.'), message])));
};

const isList = ({ shape }: z.ZodObject, field: string): boolean => shape[field] instanceof z.ZodArray;
