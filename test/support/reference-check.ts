import { type Schema, Validator } from '@cfworker/json-schema';

import openApiText from '../../dist/static/openapi.json?raw';

/**
 * Holds the broker's answers against the OpenAPI document that it serves, with a validator that is not ours. The
 * document leaves answers open, because clients must ignore what they do not know. Here they are closed: a field that
 * it lacks is a fault.
 */

type Content = { [type: string]: { schema: Schema } };
type DocumentedAnswer = { headers: { [name: string]: unknown }; content?: Content };
type DocumentedOperation = { operationId: string; responses: { [status: string]: DocumentedAnswer } };
type OpenApi = {
  paths: { [path: string]: { [method: string]: DocumentedOperation } };
  components: { schemas: { [name: string]: Schema } };
};

/** The document as it is served. */
const openApi = JSON.parse(openApiText) as OpenApi;

/** What is for people: no part of the API. */
const NO_API = /^\/dashboard(?:\/|$)/;

const paths = Object.keys(openApi.paths).map((path) => ({
  path,
  pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
}));

/** What is wrong with an answer, according to the document; undefined if nothing is. */
export const faultOf = async (request: Request, response: Response): Promise<string | undefined> => {
  const { pathname } = new URL(request.url);
  const { method } = request;
  if (NO_API.test(pathname) || method === 'OPTIONS' || method === 'HEAD') return undefined;
  const found = paths.find(({ pattern }) => pattern.test(pathname));
  const operation = found && openApi.paths[found.path]?.[method.toLowerCase()];
  const where = `${method} ${pathname} answered ${response.status}`;
  if (operation === undefined) {
    return isRefusalOfRoute(response) ? undefined : `${where}, and the document has no such operation`;
  }
  const documented = operation.responses[response.status];
  if (documented === undefined) return `${where}, which the document does not say of ${operation.operationId}`;
  answered.add(`${operation.operationId} ${response.status}`);
  const fault = await faultOfContent(`${operation.operationId} ${response.status}`, documented, response);
  return fault === undefined ? undefined : `${where}: ${fault}`;
};

/** A path or a method that the API does not have is answered so. */
const isRefusalOfRoute = ({ status, headers }: Response): boolean =>
  (status === 404 || status === 405) && /problem\+json|text\/html/.test(headers.get('Content-Type') ?? '');

const faultOfContent = async (name: string, { content = {} }: DocumentedAnswer, response: Response) => {
  const text = await response.clone().text();
  const [type = ''] = (response.headers.get('Content-Type') ?? '').split(';');
  if (text === '') return Object.keys(content).length === 0 ? undefined : isRedirect(response) ? undefined : 'no body';
  // To a browser every error is a page; the document says so once.
  if (type === 'text/html' && 'application/problem+json' in content) return undefined;
  const described = content[type];
  if (described === undefined) return `its body is ${type}, which the document does not say`;
  if (!type.endsWith('json')) return undefined;
  const { valid, errors } = validatorOf(`${name} ${type}`, described.schema).validate(JSON.parse(text));
  return valid ? undefined : errors.map(({ instanceLocation, error }) => `${instanceLocation} ${error}`).join('; ');
};

const isRedirect = ({ status }: Response): boolean => status === 302;

/** No object may have fields beyond those that its schema names. */
const closed = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  const isClosable = inner['type'] === 'object' && 'properties' in inner && !('additionalProperties' in inner);
  return isClosable ? { ...inner, additionalProperties: false } : inner;
};

const components = { schemas: closed(openApi.components.schemas) };
const validators = new Map<string, Validator>();

const validatorOf = (name: string, schema: Schema): Validator => {
  const known = validators.get(name);
  if (known !== undefined) return known;
  const made = new Validator({ ...(closed(schema) as Schema), components }, '2020-12', false);
  validators.set(name, made);
  return made;
};

const answered = new Set<string>();

/** The answers that were checked since the last call, as `<operation> <status>`. */
export const takeAnswered = (): string[] => {
  const taken = [...answered];
  answered.clear();
  return taken;
};
