import { createInterface } from 'node:readline/promises';

/** Asks on the terminal; the answer, or undefined where it is empty or nobody is there to ask. */
export const ask = async (question: string): Promise<string | undefined> => {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = (await terminal.question(`${question} `)).trim();
  terminal.close();
  return answer === '' ? undefined : answer;
};
