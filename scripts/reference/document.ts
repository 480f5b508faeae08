import { globSync } from 'node:fs';
import { join } from 'node:path';

import * as z from 'zod';

import { PROBLEM_STATUS } from '../../src/http/api/problem-codes.ts';
import { type Answer, type Operation, problemsOf } from '../../src/http/api/reference/operation.ts';
import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { INFO, RESPONSE_HEADERS, SECURITY, SECURITY_SCHEMES, TAGS } from './document-frame.ts';
import type { Json } from './json.ts';
import { pathParametersOf, queryParametersOf } from './parameters.ts';
import { PROBLEM_EXAMPLES } from './problem-examples.ts';

/** The OpenAPI 3.1 document of the API, made from the schemas that validate requests and type answers. */
export const makeDocument = (version: string): Json => {
  const document = {
    openapi: '3.1.1',
    info: { ...INFO, version },
    servers: [{ url: '/', description: 'The broker that serves this document.' }],
    tags: TAGS,
    paths: pathsOf(OPERATIONS),
    components: {
      securitySchemes: SECURITY_SCHEMES,
      headers: RESPONSE_HEADERS,
      schemas: SCHEMAS,
      examples: Object.fromEntries(
        [...PROBLEM_EXAMPLES].map(([code, text]) => [
          code,
          {
            summary: text.title,
            value: {
              type: `urn:mushu:problem:${code}`,
              title: text.title,
              status: text.status,
              detail: text.detail,
              code,
              request_id: '8f2d1c7e9a3b4d5f',
            },
          },
        ]),
      ),
    },
  };
  return withoutUnused(describeReferences(document, SCHEMAS));
};

/** Repeats the description of a named schema beside each reference to it: some tools do not look it up. */
const describeReferences = <Part>(part: Part, schemas: Record<string, Json>): Part => {
  if (typeof part !== 'object' || part === null) return part;
  for (const [name, value] of Object.entries(part)) {
    describeReferences(value, schemas);
    if (name !== 'properties') continue;
    for (const property of Object.values(value as Record<string, Json>)) {
      const target = typeof property['$ref'] === 'string' ? schemas[property['$ref'].slice(SCHEMA_PREFIX.length)] : {};
      property['description'] ??= target?.['description'];
    }
  }
  return part;
};

const SCHEMA_PREFIX = '#/components/schemas/';

const componentName = (exported: string): string => exported.charAt(0).toUpperCase() + exported.slice(1);

const API = join(import.meta.dirname, '../../src/http/api');
const CONTRACT_FILES = ['schemas.ts', ...globSync('*/{contract,queries}.ts', { cwd: API })];
const modules = await Promise.all(
  CONTRACT_FILES.map((path) => import(join(API, path)) as Promise<Record<string, unknown>>),
);

/** Every exported schema of the contract files, by its name there. */
const named = new Map<z.ZodType, string>();
for (const [name, value] of modules.flatMap((module) => Object.entries(module))) {
  if (!(value instanceof z.ZodType)) continue;
  if ([...named.values()].includes(componentName(name))) throw new Error(`Two contract files export \`${name}\`.`);
  named.set(value, componentName(name));
}

/** Leaves the schemas of answers open: clients ignore fields that they do not know. */
const leaveOpen = ({ jsonSchema }: { jsonSchema: Json }): void => {
  if (jsonSchema['additionalProperties'] === false) delete jsonSchema['additionalProperties'];
};

const namedSchemas = (io: 'input' | 'output'): Record<string, Json> => {
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of named) if (io === 'input' || isAnswered(schema, id)) registry.add(schema, { id });
  const uri = (id: string): string => SCHEMA_PREFIX + id;
  const { schemas } = z.toJSONSchema(registry, { io, uri, ...(io === 'output' && { override: leaveOpen }) });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema as Json)]));
};

/**
 * Whether a schema is part of answers. A request's value may be parsed into something without a JSON form, such as a
 * cursor's position.
 */
const isAnswered = (schema: z.ZodType, id: string): boolean =>
  !(schema instanceof z.ZodCodec) && !/(Request|Query)$/.test(id);

/** The schema without fields that are redundant inside a document. */
const bare = (schema: Json): Json =>
  Object.fromEntries(Object.entries(schema).filter(([name]) => name !== '$schema' && name !== '$id'));

/** Requests by their input type, answers by their output type. */
const SCHEMAS: Record<string, Json> = { ...namedSchemas('input'), ...namedSchemas('output') };

const schemaOf = (schema: z.ZodType): Json => {
  const name = named.get(schema);
  return name === undefined
    ? bare(z.toJSONSchema(schema, { io: 'output', override: leaveOpen }))
    : { $ref: SCHEMA_PREFIX + name };
};

const pathsOf = (operations: readonly Operation[]): Record<string, Json> => {
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    const path = (paths[operation.path] ??= pathParametersOf(operation.path));
    path[operation.method] = operationOf(operation);
  }
  return paths;
};

const operationOf = (operation: Operation): Json => ({
  operationId: operation.id,
  tags: [operation.tag],
  summary: operation.summary,
  ...(operation.description !== undefined && { description: operation.description }),
  security: SECURITY(operation.auth),
  ...(operation.query !== undefined && { parameters: queryParametersOf(operation.query) }),
  ...(operation.body !== undefined && {
    requestBody: {
      required: true,
      content: { 'application/json': { schema: schemaOf(operation.body.schema), example: operation.body.example } },
    },
  }),
  responses: { ...Object.fromEntries(operation.answers.map(answerOf)), ...problemAnswersOf(operation) },
});

const headersOf = (names: readonly string[]): Json =>
  Object.fromEntries(['X-Request-Id', ...names].map((name) => [name, { $ref: `#/components/headers/${name}` }]));

const answerOf = ({ status, description, headers = [], contents = [] }: Answer): [string, Json] => [
  String(status),
  {
    description,
    headers: headersOf(headers),
    ...(contents.length > 0 && {
      content: Object.fromEntries(
        contents.map(({ type, schema, example }) => [
          type,
          { schema: schema === undefined ? { type: 'string' } : schemaOf(schema), example },
        ]),
      ),
    }),
  },
];

const PROBLEM_HEADERS: Partial<Record<number, readonly string[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

/** The errors of an operation by status, with an example for each code. */
const problemAnswersOf = (operation: Operation): Record<string, Json> => {
  const byStatus = Map.groupBy(problemsOf(operation), (code) => PROBLEM_STATUS[code]);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\`: ${PROBLEM_EXAMPLES.get(code)?.title ?? code}.`).join(' '),
        headers: headersOf(PROBLEM_HEADERS[status] ?? []),
        content: {
          'application/problem+json': {
            schema: {
              $ref: `${SCHEMA_PREFIX}Problem`,
              properties: { code: { description: 'One of those that this operation answers so.', enum: codes } },
            },
            examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
          },
        },
      },
    ]),
  );
};

/** Removes unused components until none is left. */
const withoutUnused = (document: Json & { components: Record<string, Json> }): Json => {
  for (;;) {
    const text = JSON.stringify(document);
    let dropped = 0;
    for (const section of ['schemas', 'headers', 'examples']) {
      const components = document.components[section] ?? {};
      for (const name of Object.keys(components)) {
        if (text.includes(`"#/components/${section}/${name}"`)) continue;
        delete components[name];
        dropped += 1;
      }
    }
    if (dropped === 0) return document;
  }
};
