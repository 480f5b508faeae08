/**
 * The public names of a checkout, one per line: routes, parameters, JSON properties and their closed values, error
 * codes, settings, commands and flags. `test/fixtures/public-names.txt` has those of version 0.1.0. None of them may
 * disappear.
 *
 *     node scripts/public-names.ts                    prints the names
 *     node scripts/public-names.ts --against FILE     prints the differences, and fails if a name is gone
 *     node scripts/public-names.ts --root DIR         of another checkout, with its dependencies installed
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';

import type { Json } from './reference/json.ts';

const run = promisify(execFile);

/** The names of a checkout, sorted. Its reference must have been built. */
export const publicNames = async (root: string): Promise<string[]> => {
  const document = JSON.parse(await readFile(join(root, 'dist/static/openapi.json'), 'utf8')) as Json;
  const others = await Promise.all([codesOf(root), settingsOf(root), commandsOf(root), scriptFlagsOf(root)]);
  return [...new Set([...routesOf(document), ...others.flat()])].toSorted();
};

/** What is gone and what is new. */
export const differences = (before: readonly string[], now: readonly string[]) => {
  const [had, has] = [new Set(before), new Set(now)];
  return { gone: [...had].filter((name) => !has.has(name)), added: [...has].filter((name) => !had.has(name)) };
};

const routesOf = (document: Json): string[] =>
  Object.entries(document['paths'] as Record<string, Json>).flatMap(([path, operations]) =>
    Object.entries(operations as Record<string, Json>)
      .filter(([method]) => METHODS.includes(method))
      .flatMap(([method, operation]) => operationNames(document, `${method.toUpperCase()} ${path}`, operation)),
  );

const METHODS = ['get', 'put', 'post', 'patch', 'delete'];
/** Its properties are the same on every route. */
const PROBLEM = 'application/problem+json';

const operationNames = (document: Json, route: string, operation: Json): string[] => {
  const parameters = ((operation['parameters'] ?? []) as Json[]).map((one) => resolved(document, one));
  const bodies = Object.values((operation['requestBody'] as Json | undefined)?.['content'] ?? {}) as Json[];
  const answers = Object.entries(operation['responses'] as Record<string, Json>).flatMap(([status, answer]) =>
    Object.entries((resolved(document, answer)['content'] ?? {}) as Record<string, Json>).flatMap(([type, content]) => [
      `answer ${route} ${status} ${type}`,
      ...propertiesOf(document, type === PROBLEM ? 'problem' : `answer ${route} ${status}`, content['schema'] as Json),
    ]),
  );
  return [
    `route ${route}`,
    ...parameters.flatMap((one) => {
      const name = `parameter ${route} ${String(one['in'])} ${String(one['name'])}`;
      return [name, ...propertiesOf(document, name, one['schema'] as Json)];
    }),
    ...bodies.flatMap(({ schema }) => propertiesOf(document, `request ${route}`, schema as Json)),
    ...answers,
  ];
};

/** The properties below a schema, as paths, with the values of closed sets. */
const propertiesOf = (document: Json, at: string, part: Json | undefined): string[] => {
  if (part === undefined) return [];
  const schema = resolved(document, part);
  return [
    ...((schema['enum'] ?? []) as unknown[]).map((value) => `${at}=${String(value)}`),
    ...Object.entries((schema['properties'] ?? {}) as Record<string, Json>).flatMap(([name, property]) => [
      `${at} .${name}`,
      ...propertiesOf(document, `${at} .${name}`, property),
    ]),
    ...(['items', 'additionalProperties'] as const).flatMap((key) =>
      typeof schema[key] === 'object' ? propertiesOf(document, `${at} []`, schema[key] as Json) : [],
    ),
    ...(['allOf', 'anyOf', 'oneOf'] as const).flatMap((key) =>
      ((schema[key] ?? []) as Json[]).flatMap((one) => propertiesOf(document, at, one)),
    ),
  ];
};

const resolved = (document: Json, part: Json): Json => {
  const reference = part['$ref'];
  if (typeof reference !== 'string') return part;
  return reference
    .slice(2)
    .split('/')
    .reduce<Json>((found, name) => found[name.replaceAll('~1', '/')] as Json, document);
};

const codesOf = async (root: string): Promise<string[]> => {
  const source = await readFile(join(root, 'src/http/api/problem-codes.ts'), 'utf8');
  return [...source.matchAll(/^ {2}([a-z_]+): (\d{3}),$/gm)].map(([, code, status]) => `code ${code} ${status}`);
};

/** Bindings and settings, as `src/config.ts` names them. */
const settingsOf = async (root: string): Promise<string[]> => {
  const source = await readFile(join(root, 'src/config.ts'), 'utf8');
  return [...source.matchAll(/^ {2}([A-Z][A-Z_]+)\??:/gm)].map(([, name]) => `setting ${name}`);
};

/** The commands of `mushu` and the flags of each, from the synopses that its help prints. */
const commandsOf = async (root: string): Promise<string[]> => {
  const help = async (...args: string[]): Promise<string> => {
    const { stdout } = await run(process.execPath, [join(root, 'src/cli/main.ts'), ...args, '--help'], { cwd: root });
    return stdout;
  };
  const first = [...(await help()).matchAll(/^ {2}([a-z]+) {2}/gm)].flatMap(([, name = '']) =>
    ['help', 'completion'].includes(name) ? [] : [name],
  );
  const synopses = (await Promise.all(first.map((name) => help(name)))).flatMap((text) => [
    ...text.matchAll(/^(?:Usage:| {6}) mushu (.+)$/gm),
  ]);
  return synopses.flatMap(([, synopsis = '']) => {
    const command = /^[a-z -]*[a-z](?= |$)/.exec(synopsis.replace(/ (?:[[(]|--|[A-Z]).*$/, ''))?.[0] ?? synopsis;
    const flags = [...synopsis.matchAll(/--[a-z-]+/g)].map(([flag]) => `flag mushu ${command} ${flag}`);
    return [`command mushu ${command}`, ...flags];
  });
};

/** The flags of `npm run deploy` and `npm run dev`, from their help. */
const scriptFlagsOf = async (root: string): Promise<string[]> => {
  const flags = await Promise.all(
    ['deploy', 'dev'].map(async (name) => {
      const { stdout } = await run(process.execPath, [join(root, `scripts/${name}.ts`), '--help'], { cwd: root });
      return [...stdout.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag]) => `flag npm run ${name} ${flag}`);
    }),
  );
  return flags.flat();
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({ options: { root: { type: 'string' }, against: { type: 'string' } } });
  const names = await publicNames(values.root ?? join(import.meta.dirname, '..'));
  if (values.against === undefined) {
    console.log(names.join('\n'));
    return;
  }
  const { gone, added } = differences((await readFile(values.against, 'utf8')).trim().split('\n'), names);
  for (const name of gone) console.log(`- ${name}`);
  for (const name of added) console.log(`+ ${name}`);
  if (gone.length > 0) process.exitCode = 1;
};

if (import.meta.main) await main();
