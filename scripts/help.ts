/**
 * Imported first by a script without a parser of its own: with `--help` it prints what the script's first comment says,
 * and ends.
 */
import { readFileSync } from 'node:fs';

const [, script = '', ...args] = process.argv;

if (args.some((arg) => arg === '--help' || arg === '-h')) {
  const [, comment = ''] = /^(?:#![^\n]*\n)?\/\*\*(.*?)\*\//s.exec(readFileSync(script, 'utf8')) ?? [];
  console.log(comment.replaceAll(/^ *\*? ?/gm, '').trim());
  process.exit(0);
}
