import { html } from 'hono/html';

import type { Json } from './document.ts';

/** How a JSON Schema reads on the page. */

/** A table of an object's fields; of anything else its type. */
export const schemaTable = (schema: Json) => {
  const properties = schema['properties'] as { [name: string]: Json } | undefined;
  if (properties === undefined) return html`<p>${typeOf(schema)}</p>`;
  const required = (schema['required'] ?? []) as string[];
  return html`<table>
    ${Object.entries(properties).map(
      ([name, property]) =>
        html`<tr>
          <th scope="row"><code>${name}</code></th>
          <td>${typeOf(property)}${required.includes(name) ? '' : ', optional'}</td>
          <td>${property['description'] ?? ''}</td>
        </tr>`,
    )}
  </table>`;
};

type Markup = ReturnType<typeof html>;

/** A type in words; named ones as links. */
export const typeOf = (schema: Json): Markup => {
  const { $ref, type, items, enum: values, anyOf, format, additionalProperties, properties } = schema;
  if (typeof $ref === 'string') {
    const name = $ref.split('/').at(-1) ?? '';
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  if (Array.isArray(values)) return html`${values.map((value) => JSON.stringify(value)).join(' or ')}`;
  if (Array.isArray(anyOf)) return html`${separated((anyOf as Json[]).map(typeOf))}`;
  if (type === 'array') return html`array of ${typeOf((items ?? {}) as Json)}`;
  if (typeof additionalProperties === 'object' && additionalProperties !== null) {
    return html`object of ${typeOf(additionalProperties as Json)}`;
  }
  if (properties !== undefined) return html`object (${Object.keys(properties as Json).join(', ')})`;
  const words = Array.isArray(type) ? type.join(' or ') : typeof type === 'string' ? type : 'anything';
  return html`${words}${typeof format === 'string' ? ` (${format})` : ''}`;
};

const separated = (parts: readonly Markup[]) =>
  parts.map((part, index) => (index === 0 ? html`${part}` : html` or ${part}`));
