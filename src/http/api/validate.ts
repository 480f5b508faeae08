import { zValidator } from '@hono/zod-validator';
import type * as z from 'zod';

import type { HttpContext } from '../context.ts';
import { REQUEST_PROBLEMS } from '../problem-text.ts';
import { answerProblem } from '../problem.ts';

/** Lets a request through that fits the contract; what does not is told which parameter is at fault. */
export const valid = <Schema extends z.ZodType, Target extends 'json' | 'query'>(target: Target, schema: Schema) =>
  zValidator(target, schema, (result, c) => {
    if (result.success) return undefined;
    const [issue] = result.error.issues;
    const parameter = issue?.path.join('.') || (target === 'json' ? 'body' : 'query');
    // The validator's types know no environment of its app.
    return answerProblem(c as HttpContext, REQUEST_PROBLEMS.invalidParameter(parameter, issue?.message ?? 'not valid'));
  });
