import { zValidator } from '@hono/zod-validator';
import type { Context, Next } from 'hono';
import { matchedRoutes } from 'hono/route';
import * as z from 'zod';

import type { Failure } from '../../domain/failure.ts';
import type { HttpContext } from '../context.ts';
import { plainIssue } from '../plain-issue.ts';
import { answerFailure, answerProblem } from '../problem.ts';
import { REQUEST_PROBLEMS } from '../request-problems.ts';
import { MAX_NAME_LENGTH, nearestName } from './nearest-name.ts';

const queryValidators = new WeakSet<object>();

/** Admits a request that fits the contract; otherwise the answer names the wrong parameter. */
export const valid = <Schema extends z.ZodType, Target extends 'json' | 'query'>(target: Target, schema: Schema) => {
  const validator = zValidator(
    target,
    schema,
    async (result, untyped) => {
      // The validator's types know no environment of its app.
      const c = untyped as HttpContext;
      // Hono hands on a body of another type as an empty object. A route that needs nothing in its body needs none.
      if (target === 'json' && !isJson(c) && (!result.success || (await hasBody(c)))) {
        return answerProblem(c, REQUEST_PROBLEMS.notSentAsJson);
      }
      if (result.success) return undefined;
      return answerInvalid(c, result.error, result.data, target === 'json' ? 'body' : 'query', namesOf(schema));
    },
    // The type of its result depends on the kind of schema, which is open here.
    { validationFunction: (known, data) => known.safeParse(data, { error: plainIssue }) as never },
  );
  if (target !== 'query') return validator;
  /** As the validator, but does not parse again what `parsedQuery` has. */
  const once = async (c: Context, next: Next) => {
    const known = parsedQueries.get(c.req.raw);
    if (known?.schema !== schema) return validator(c, next);
    c.req.addValidatedData('query', known.data);
    return next();
  };
  queryValidators.add(once);
  return once as typeof validator;
};

/** As Hono's validator decides. */
const isJson = (c: HttpContext): boolean =>
  /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(c.req.header('Content-Type')?.trim() ?? '');

const hasBody = async (c: HttpContext): Promise<boolean> => (await c.req.arrayBuffer()).byteLength > 0;

/** Queries that were read before their validator's turn. */
const parsedQueries = new WeakMap<Request, { schema: z.ZodType; data: object }>();

/** The query of a request whose validator is still to come; undefined if it does not fit, which that one answers. */
export const parsedQuery = <Schema extends z.ZodType<object>>(
  c: HttpContext,
  schema: Schema,
): z.infer<Schema> | undefined => {
  const values = Object.entries(c.req.queries()).map(([name, found]) => [name, found.length === 1 ? found[0] : found]);
  const parsed = schema.safeParse(Object.fromEntries(values));
  if (!parsed.success) return undefined;
  parsedQueries.set(c.req.raw, { schema, data: parsed.data });
  return parsed.data;
};

/**
 * The failure for a query that no validator of the route reads: a client that sends `dry_run=true` must not be
 * misunderstood.
 */
export const unreadParameter = (c: Context): Failure | undefined => {
  if (!/\?./.test(c.req.url) || matchedRoutes(c).some(({ handler }) => queryValidators.has(handler))) return undefined;
  return { kind: 'invalid_parameter', parameter: 'query', detail: 'This route takes no parameters in its query.' };
};

/** The names that what fits may have. */
const namesOf = (schema: unknown): string[] => {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  return schema instanceof z.ZodUnion ? [...new Set(schema.options.flatMap(namesOf))] : [];
};

/**
 * Says what does not fit, and where.
 *
 * @param data what was sent
 * @param whole what was looked at
 * @param known the names that it may have
 */
const answerInvalid = (
  c: HttpContext,
  { issues: [issue] }: z.core.$ZodError,
  data: unknown,
  whole: string,
  known: readonly string[],
) => {
  if (issue?.code === 'unrecognized_keys' && issue.path.length === 0) {
    const [name = ''] = issue.keys;
    const nearest = nearestName(name, known);
    const hint = nearest === undefined ? `The names are ${known.join(', ')}.` : `Did you mean \`${nearest}\`?`;
    const parameter = /^[\w.-]+$/.test(name) && name.length <= MAX_NAME_LENGTH ? name : whole;
    return answerFailure(c, { kind: 'invalid_parameter', parameter, detail: `There is no such name. ${hint}` });
  }
  const parameter = issue?.path.join('.') || whole;
  // No parameter of a query is a list, so a list is what one that was sent twice has become.
  const isRepeated = whole === 'query' && Array.isArray((data as Record<string, unknown>)[parameter]);
  const detail = isRepeated ? 'It is given more than once.' : (issue?.message ?? 'It does not fit.');
  return answerFailure(c, { kind: 'invalid_parameter', parameter, detail });
};
