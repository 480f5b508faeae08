import { html } from 'hono/html';

import { head } from '../../src/http/document.ts';
import type { Json } from './json.ts';
import { inline, schemaTable, typeOf } from './schema-table.ts';

/** The document as this page reads it. `document.ts` made it, so its shape is known here. */
const asShown = (document: Json): Shown => document as Shown;

/** The reference as one page of plain HTML, with only the broker's own stylesheet and no script. */
export const renderPage = async (document: Json): Promise<string> => {
  const { info, tags, paths, components } = asShown(document);
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ ...operation, method, path, shared: item.parameters ?? [] }];
    }),
  );
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        ${head(`${info.title}: API reference`)}
        <link rel="stylesheet" href="/assets/reference.css" />
      </head>
      <body>
        ${navigation(info, tags, operations)}
        <main>
          <h1>${info.title} API</h1>
          ${paragraphs(info.description)}
          <p>
            This page as a document for tools: <a href="/openapi.json">openapi.json</a> (OpenAPI
            ${String(document['openapi'])}).
          </p>
          ${tags.map(
            (tag) =>
              html`<h2>${tag.name}</h2>
                ${paragraphs(tag.description)}
                ${operations.filter(({ tags: [of] }) => of === tag.name).map(renderOperation)}`,
          )}
          ${errorsAndSchemas(components)}
        </main>
      </body>
    </html>`;
  return withoutIndentation(String(page));
};

const navigation = (info: Shown['info'], tags: Shown['tags'], operations: readonly Placed[]) =>
  html`<nav aria-label="Reference">
    <p>
      <a href="/"><strong>${info.title}</strong></a> ${info.version}
    </p>
    ${tags.map(
      (tag) =>
        html`<p>${tag.name}</p>
          <ul>
            ${operations
              .filter(({ tags: [of] }) => of === tag.name)
              .map(({ operationId, summary }) => html`<li><a href="#${operationId}">${summary}</a></li>`)}
          </ul>`,
    )}
    <p><a href="#errors">Errors</a></p>
    <p><a href="#schemas">Schemas</a></p>
  </nav>`;

const errorsAndSchemas = (components: Components) =>
  html`<h2 id="errors">Errors</h2>
    ${Object.entries(components.examples).map(
      ([code, { summary, value }]) =>
        html`<section id="error-${code}">
          <h3><code>${code}</code></h3>
          <p>${String(value['status'])}: ${summary}. ${inline(String(value['detail']))}</p>
        </section>`,
    )}
    <h2 id="schemas">Schemas</h2>
    ${Object.entries(components.schemas).map(
      ([name, schema]) =>
        html`<section id="schema-${name}">
          <h3>${name}</h3>
          ${schemaTable(schema)}
        </section>`,
    )}`;

/** Removes the templates' indentation; examples keep their lines. */
export const withoutIndentation = (page: string): string =>
  page
    .split(/(<pre>[\s\S]*?<\/pre>)/)
    .map((part) => (part.startsWith('<pre>') ? part : part.replace(/\s*\n\s*/g, '\n')))
    .join('');

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

type Parameter = { name: string; in: string; required: boolean; description?: string; schema: Json };
type Content = { [type: string]: { schema: Json; example?: unknown; examples?: Json } };
type OperationShown = {
  operationId: string;
  tags: [string];
  summary: string;
  description?: string;
  security: Json[];
  parameters?: Parameter[];
  requestBody?: { content: Content };
  responses: { [status: string]: { description: string; headers: Json; content?: Content } };
};
type Components = { schemas: { [name: string]: Json }; examples: { [name: string]: { summary: string; value: Json } } };
type Shown = {
  info: { title: string; version: string; description: string };
  tags: { name: string; description: string }[];
  paths: {
    [path: string]: { parameters?: Parameter[] } & { [Method in (typeof METHODS)[number]]?: OperationShown };
  };
  components: Components;
};
type Placed = OperationShown & { method: string; path: string; shared: Parameter[] };

const renderOperation = (operation: Placed) => {
  const parameters = [...operation.shared, ...(operation.parameters ?? [])];
  const sent = operation.requestBody?.content['application/json'];
  return html`<article id="${operation.operationId}">
    <h3>${operation.summary}</h3>
    <p class="route"><b>${operation.method.toUpperCase()}</b> <code>${operation.path}</code></p>
    ${operation.description === undefined ? '' : paragraphs(operation.description)}
    <p class="credential">${credentialOf(operation.security)}</p>
    ${
      parameters.length === 0
        ? ''
        : html`<h4>Parameters</h4>
            <table>
              ${parameters.map(
                ({ name, in: place, required, schema, description = '' }) =>
                  html`<tr>
                    <th scope="row"><code>${name}</code></th>
                    <td>${typeOf(schema)}, in the ${place}${required ? ', required' : ''}</td>
                    <td>${inline(description)}</td>
                  </tr>`,
              )}
            </table>`
    }
    ${
      sent === undefined
        ? ''
        : html`<h4>Body</h4>
            <p>${typeOf(sent.schema)}</p>
            ${exampleOf(sent.example)}`
    }
    <h4>Answers</h4>
    ${Object.entries(operation.responses)
      .filter(([, { content }]) => !isProblem(content))
      .map(([status, answer]) => renderAnswer(status, answer))}
    <p>
      Errors:
      ${Object.entries(operation.responses).flatMap(([status, { content }]) =>
        isProblem(content)
          ? html`${status} ${codesOf(content).map((code) => html`<a href="#error-${code}">${code}</a> `)}`
          : [],
      )}
    </p>
  </article>`;
};

const PROBLEM = 'application/problem+json';

const isProblem = (content: Content | undefined): content is Content => content?.[PROBLEM] !== undefined;

const codesOf = (content: Content): string[] => Object.keys(content[PROBLEM]?.examples ?? {});

const renderAnswer = (status: string, { description, content = {} }: OperationShown['responses'][string]) => {
  const forms = Object.entries(content);
  return html`<details>
    <summary><b>${status}</b> ${inline(description)}</summary>
    ${forms.length === 0 ? html`<p>No body.</p>` : ''}
    ${forms.map(
      ([type, { schema, example }]) =>
        html`<p><code>${type}</code>: ${typeOf(schema)}</p>
          ${example === undefined ? '' : exampleOf(example)}`,
    )}
  </details>`;
};

const exampleOf = (example: unknown) =>
  html`<pre><code>${typeof example === 'string' ? example : JSON.stringify(example, null, 2)}</code></pre>`;

const CREDENTIALS: Record<string, string> = {
  appKey: "the app's key as `X-API-Key` (or as a bearer token)",
  userToken: "that user's token as `Authorization: Bearer`",
  accessToken: 'an access token as `Authorization: Bearer`',
};

const credentialOf = (security: readonly Json[]) => {
  if (security.length === 0) return 'Takes no credential.';
  const ways = security.flatMap((way) => Object.keys(way)).flatMap((scheme) => CREDENTIALS[scheme] ?? []);
  return html`Takes ${inline(ways.join(', or '))}.`;
};

const paragraphs = (text: string) => text.split('\n\n').map((paragraph) => html`<p>${inline(paragraph)}</p>`);
