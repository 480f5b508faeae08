import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { OPERATIONS } from '../../src/http/api/reference/operations.ts';

/**
 * Whatever a client sends has a bound of its own, beside that of the body: a list or a text without one is stored as
 * long as it is.
 */

type Node = { type?: string; properties?: Record<string, Node>; items?: Node; anyOf?: Node[]; [key: string]: unknown };

const BOUNDS_OF_TEXT = ['maxLength', 'enum', 'const', 'format'];

const unboundedIn = (node: Node, path: string): string[] => {
  const inside = [
    ...Object.entries(node.properties ?? {}).flatMap(([name, one]) => unboundedIn(one, `${path}.${name}`)),
    ...(node.anyOf ?? []).flatMap((one) => unboundedIn(one, path)),
    ...(node.items === undefined ? [] : unboundedIn(node.items, `${path}[]`)),
  ];
  if (node.type === 'array' && node['maxItems'] === undefined) return [path, ...inside];
  if (node.type === 'string' && !BOUNDS_OF_TEXT.some((bound) => node[bound] !== undefined)) return [path, ...inside];
  return inside;
};

/**
 * A link's parameters are no contract of zod's: they are checked by hand, and nothing of them is stored but what fits.
 */
const sent = OPERATIONS.filter(({ auth }) => auth.kind !== 'none').flatMap(({ id, body, query }) => [
  ...(body === undefined ? [] : [{ name: `the body of ${id}`, schema: body.schema }]),
  ...(query === undefined ? [] : [{ name: `the query of ${id}`, schema: query }]),
]);

describe('every list and text that a client sends has a bound', () => {
  test.each(sent)('$name', ({ schema }) => {
    const described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node;
    expect(unboundedIn(described, '')).toEqual([]);
  });

  test('and one without would be found', () => {
    const schema = z.object({ list: z.array(z.object({ text: z.string() })), fine: z.array(z.enum(['a'])).max(2) });
    expect(unboundedIn(z.toJSONSchema(schema, { io: 'input' }) as Node, '')).toEqual(['.list', '.list[].text']);
  });
});
