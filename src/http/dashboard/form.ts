import type * as z from 'zod';

import { fail, ok, type Result } from '../../domain/result.ts';
import type { DashboardContext } from './context.ts';

/** The field in which every form carries its token. */
export const FORM_TOKEN_FIELD = 'form_token';

/** The field in which a form that changes something names what its page showed. */
export const VERSION_FIELD = 'version';

/** What a page says beside a field, by the field's name. */
export type FieldErrors = Readonly<Record<string, string>>;

/** The fields of a posted form. */
export const readForm = async (c: DashboardContext): Promise<URLSearchParams> =>
  new URLSearchParams(new TextDecoder().decode(await c.req.arrayBuffer()));

/** The fields of a posted form as a schema of the contract takes them, each as text; or what is wrong, beside the field. */
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
