import { styleText } from 'node:util';

/** Tables and words for people, JSON for programs. Color only on a terminal. */
const isPlain = (): boolean => !process.stdout.isTTY || (process.env['NO_COLOR'] ?? '') !== '';

const styled = (style: Parameters<typeof styleText>[0], text: string): string =>
  isPlain() ? text : styleText(style, text, { validateStream: false });

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Prints to stderr, so that it is visible even if the output is piped. */
export const printErr = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/** Replaces its previous line on a terminal; prints nothing elsewhere. */
export const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
};

export const show = (json: boolean, value: unknown, words: () => string): void => {
  print(json ? JSON.stringify(value, null, 2) : words());
};

/** Says that something is gone; with `--json`, the same for everything that is deleted. */
export const showDeleted = (json: boolean, deleted: string, words: string): void =>
  show(json, { deleted }, () => words);

/** A table with a heading, or `empty` if there are no rows. */
export const table = (heading: readonly string[], rows: readonly (readonly string[])[], empty: string): string => {
  if (rows.length === 0) return empty;
  const clean = rows.map((row) => row.map(printable));
  const widths = heading.map((head, column) => Math.max(head.length, ...clean.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ');
  return [styled('bold', line(heading)), ...clean.map(line)].join('\n');
};

/** Labelled values, one a line. */
export const facts = (pairs: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...pairs.map(([label]) => label.length));
  return pairs.map(([label, value]) => `${styled('bold', label.padEnd(width))}  ${printable(value)}`).join('\n');
};

/** The broker's text may contain anything: control characters must not control the terminal. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, '\uFFFD');

export const good = (text: string): string => styled('green', text);
export const bad = (text: string): string => styled('red', text);

/** A readable time; a dash if there is none. */
export const time = (instant: string | null): string => instant?.replace('T', ' ').replace(/\.\d+Z$/, 'Z') ?? '-';
