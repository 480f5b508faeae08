import type * as z from 'zod';

import type { ProblemCode } from '../problem-codes.ts';

/**
 * The description of a route. The Worker does not contain it: the OpenAPI document is built from it, and tests compare
 * routes, answers and document.
 */
export type Operation = {
  /** Stable: generators use it as a method's name. */
  id: string;
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** In OpenAPI's form: `/apps/{app_id}`. */
  path: string;
  tag: Tag;
  /** One line, without a full stop. */
  summary: string;
  description?: string;
  auth: Auth;
  query?: z.ZodObject;
  body?: Body;
  answers: readonly Answer[];
  /** Codes in addition to those that follow from credentials, parameters and body; see `problemsOf`. */
  problems?: readonly ProblemCode[];
};

export type Tag =
  | 'Connecting'
  | 'Connections'
  | 'Metrics'
  | 'Users'
  | 'Accounts'
  | 'Management'
  | 'Webhooks'
  | 'Broker';

/**
 * What a request has to show.
 * - `app_key`: the app's key, as `X-API-Key` or as a bearer token, or the access token of a manager of the app. If
 *   `userTokens` is set, that user's token too.
 * - `access_token`: the operator's or a developer's token
 */
export type Auth =
  | { kind: 'none' }
  | { kind: 'app_key'; scope: 'read' | 'sync' | 'manage-links'; userTokens: boolean }
  | { kind: 'access_token' };

export type Body = { schema: z.ZodType; example: unknown };

/** A route's successful answer. */
export type Answer = {
  status: 200 | 201 | 202 | 204 | 302 | 304;
  description: string;
  /** The answer's own headers. */
  headers?: readonly AnswerHeader[];
  /** The formats of the answer. */
  contents?: readonly AnswerContent[];
};
export type AnswerContent = { type: string; schema?: z.ZodType; example: unknown };
export type AnswerHeader =
  | 'Content-Disposition'
  | 'ETag'
  | 'Link'
  | 'Location'
  | 'Set-Cookie'
  | 'Retry-After'
  | 'WWW-Authenticate'
  | 'Allow';

export const ACCESS_TOKEN: Auth = { kind: 'access_token' };

export type Untagged = Omit<Operation, 'tag' | 'auth'>;

/** Operations that share a tag and what a request has to show. */
export const tagged = (tag: Tag, auth: Auth, operations: readonly Untagged[]): readonly Operation[] =>
  operations.map((operation) => ({ ...operation, tag, auth }));

/** A request body with an example that fits its schema. */
export const body = <Schema extends z.ZodType>(schema: Schema, example: z.input<Schema>): Body => ({ schema, example });

/** An answer in JSON with an example that fits its schema. */
export const json = <Schema extends z.ZodType>(
  status: Answer['status'],
  description: string,
  schema: Schema,
  example: z.output<Schema>,
): Answer => ({ status, description, contents: [{ type: 'application/json', schema, example }] });

/** An answer with an `ETag`. */
export const withEtag = (answer: Answer): Answer => ({ ...answer, headers: ['ETag'] });

/** An answer without a body. */
export const empty = (status: 204 | 304, description: string): Answer => ({ status, description });

/** Every error code that an operation may answer with. */
export const problemsOf = ({ auth, method, path, query, body, problems = [] }: Operation): ProblemCode[] => {
  const codes = new Set<ProblemCode>([
    ...CREDENTIAL_PROBLEMS[auth.kind],
    ...problems,
    ...(path === '/healthz' ? [] : (['https_required'] as const)),
    'paused',
    'internal_error',
    'bad_environment',
  ]);
  if (auth.kind === 'app_key' && !auth.userTokens) codes.add('user_token_not_taken');
  if (auth.kind === 'access_token' && path.includes('{app_id}')) codes.add('app_not_found');
  // A query that the route does not take is one too.
  if (auth.kind !== 'none' || query !== undefined) codes.add('invalid_parameter');
  if (body !== undefined) codes.add('invalid_body');
  if (method !== 'get') codes.add('body_too_large');
  return [...codes];
};

const KEY_PROBLEMS: readonly ProblemCode[] = [
  'api_key_missing',
  'invalid_api_key',
  'insufficient_scope',
  'browser_key_refused',
  'invalid_access_token',
  'app_disabled',
  'app_not_found',
  'rate_limited',
  'storage_unavailable',
  'database_full',
];

const CREDENTIAL_PROBLEMS: { [Kind in Auth['kind']]: readonly ProblemCode[] } = {
  none: [],
  app_key: KEY_PROBLEMS,
  access_token: [
    'access_token_missing',
    'invalid_access_token',
    'rate_limited',
    'storage_unavailable',
    'database_full',
  ],
};
