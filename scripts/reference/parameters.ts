import * as z from 'zod';

import { PATH_PARAMETERS } from './document-frame.ts';
import type { Json } from './json.ts';

export const pathParametersOf = (path: string): Json => {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  if (names.length === 0) return {};
  return {
    parameters: names.map((name) => {
      const described = PATH_PARAMETERS[name];
      if (described === undefined) throw new Error(`Describe {${name}} of ${path} in PATH_PARAMETERS.`);
      const { description, example, maxLength } = described;
      const schema = { type: 'string', minLength: 1, ...(maxLength !== undefined && { maxLength }) };
      return { name, in: 'path', required: true, description, schema, example };
    }),
  };
};

/** The parameters of a query, from its schema. */
export const queryParametersOf = (query: z.ZodObject): Json[] => {
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...schema } = property as Json;
    return {
      name,
      in: 'query',
      required: required.includes(name),
      ...(description !== undefined && { description }),
      schema,
    };
  });
};
