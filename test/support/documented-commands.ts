import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { codeBlocks } from './markdown.ts';

/** The commands that the documentation names. */

const root = new URL('../..', import.meta.url).pathname;
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/*/README.md', 'migrations/*.md'], { cwd: root });

export const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** The lines of shell that a page shows, without comments, each command of a chain alone. */
export const shellLines = (page: string): string[] =>
  codeBlocks(read(page), 'sh')
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .flatMap((line) => line.replace(/(^|\s+)#.*$/, '').split(' && '))
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^([A-Z]+=\S+\s*)+$/.test(line));

/** The commands that stand in the text. */
const inText = (page: string): string[] =>
  [...read(page).matchAll(/`((?:npm|npx|git|node) [^`\n]+)`/g)].map(([, command = '']) => command);

export const commands = [...new Set(pages.flatMap((page) => [...shellLines(page), ...inText(page)]))];

export const WRANGLER = /^npx wrangler /;

export const named = (pattern: RegExp): string[] => commands.filter((command) => pattern.test(command));
