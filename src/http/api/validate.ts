import { zValidator } from '@hono/zod-validator';
import type * as z from 'zod';

import type { HttpContext } from '../context.ts';
import { REQUEST_PROBLEMS } from '../problem-text.ts';
import { answerProblem } from '../problem.ts';

/** Lets a request through that fits the contract; what does not is told which parameter is at fault. */
export const valid = <Schema extends z.ZodType, Target extends 'json' | 'query'>(target: Target, schema: Schema) =>
  zValidator(target, schema, (result, c) =>
    // The validator's types know no environment of its app.
    result.success ? undefined : answerInvalid(c as HttpContext, result.error, target === 'json' ? 'body' : 'query'),
  );

/** Says what does not fit, and where: `whole` is what was looked at. */
export const answerInvalid = (c: HttpContext, { issues: [issue] }: z.core.$ZodError, whole: string) => {
  const parameter = issue?.path.join('.') || whole;
  return answerProblem(c, REQUEST_PROBLEMS.invalidParameter(parameter, issue?.message ?? 'not valid'));
};
