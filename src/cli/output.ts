import { styleText } from 'node:util';

/** Tables and words for people, JSON for programs. Colour only where a person looks. */
const isPlain = (): boolean => !process.stdout.isTTY || (process.env['NO_COLOR'] ?? '') !== '';

const styled = (style: Parameters<typeof styleText>[0], text: string): string =>
  isPlain() ? text : styleText(style, text, { validateStream: false });

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** A remark beside the output: it goes to the terminal even where the output is piped on. */
export const printErr = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/** Replaces what it said before on a terminal; elsewhere it says nothing. */
export const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
};

/** Prints a value as JSON, or as its words. */
export const show = (json: boolean, value: unknown, words: () => string): void => {
  print(json ? JSON.stringify(value, null, 2) : words());
};

/** A table with a heading; `empty` where there are no rows. */
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

/** What the broker sent may hold anything: control characters must not steer the terminal. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, '\uFFFD');

export const good = (text: string): string => styled('green', text);
export const bad = (text: string): string => styled('red', text);

/** A time as a person reads it; a dash where there is none. */
export const time = (instant: string | null): string => instant?.replace('T', ' ').replace(/\.\d+Z$/, 'Z') ?? '-';
