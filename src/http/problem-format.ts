import type { ContentfulStatusCode } from 'hono/utils/http-status';

import type { ProblemCode, PROBLEM_STATUS } from './api/problem-codes.ts';

/** An error's text: the same for a program (RFC 9457) and a person. */
export type ProblemText = {
  status: ContentfulStatusCode;
  /** Stable: clients decide by it, and the documentation lists it. */
  code: ProblemCode;
  title: string;
  /** What to do. */
  detail: string;
  retryAfterSeconds?: number;
};

export const problem = <Code extends ProblemCode>(
  status: (typeof PROBLEM_STATUS)[Code],
  code: Code,
  title: string,
  detail: string,
): ProblemText => ({ status, code, title, detail });

export const later = <Code extends ProblemCode>(
  status: (typeof PROBLEM_STATUS)[Code],
  code: Code,
  title: string,
  detail: string,
  { retryAfterSeconds }: { retryAfterSeconds: number },
): ProblemText => ({ status, code, title, detail, retryAfterSeconds });
