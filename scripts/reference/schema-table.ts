import { html } from 'hono/html';

import type { Json } from './json.ts';

/** A table of an object's fields, nested ones included; for anything else its type. */
export const schemaTable = (schema: Json) => {
  const rows = rowsOf(schema, '');
  return html`<p>${descriptionOf(schema)}</p>
    ${
      rows.length === 0
        ? html`<p>${typeOf(schema)}</p>`
        : html`<table>
            ${rows}
          </table>`
    }`;
};

const descriptionOf = ({ description }: Json) => (typeof description === 'string' ? inline(description) : '');

const rowsOf = (schema: Json, prefix: string): Markup[] => {
  const required = (schema['required'] ?? []) as string[];
  return Object.entries((schema['properties'] ?? {}) as { [name: string]: Json }).flatMap(([name, property]) => [
    html`<tr>
      <th scope="row"><code>${prefix}${name}</code></th>
      <td>${typeOf(property)}${required.includes(name) ? '' : ', optional'}</td>
      <td>${descriptionOf(property)}</td>
    </tr>`,
    ...innerOf(property).flatMap(([inner, mark]) => rowsOf(inner, `${prefix}${name}${mark}.`)),
  ]);
};

/** The schemas inside a value, each with its part of the path. */
const innerOf = (schema: Json): [Json, string][] => {
  const { properties, items, additionalProperties: named, anyOf } = schema;
  if (properties !== undefined) return [[schema, '']];
  if (typeof items === 'object') return innerOf(items as Json).map(([inner, mark]) => [inner, `[]${mark}`]);
  if (typeof named === 'object') return innerOf(named as Json).map(([inner, mark]) => [inner, `.*${mark}`]);
  return Array.isArray(anyOf) ? (anyOf as Json[]).flatMap(innerOf) : [];
};

/** Text with its `code` marked up. */
export const inline = (text: string) =>
  text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));

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
