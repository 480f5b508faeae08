import type { LogEntry } from '../../src/domain/log.ts';
import { dumpKv, tableTexts } from './dump.ts';

/**
 * Secrets that a test file has seen, and everywhere they must not be: D1, KV, logs, answers. The harness plants each as it comes by, and
 * searches when the file is done.
 */
const planted = new Map<string, Canary>();

type Canary = { name: string; mayBeShownOnce: boolean };

/** Notes a secret that may stand nowhere: a token of Withings, a code, a key of the operator's. */
export const plantSecret = (name: string, value: string | null | undefined): void => {
  if (value) planted.set(value, { name, mayBeShownOnce: false });
};

/** Notes a credential that one answer hands out, and that may stand nowhere else: an API key, a ticket, a state. */
const plantShownOnce = (name: string, value: string): void => {
  if (!planted.has(value)) planted.set(value, { name, mayBeShownOnce: true });
};

/** An answer of the broker as it went out: its head and its body. */
type SentAnswer = { request: string; text: string };

const answers: SentAnswer[] = [];
const logs: LogEntry[][] = [];

/** Has a broker's log searched. */
export const watchLog = (log: LogEntry[]): void => {
  logs.push(log);
};

/** What the broker hands out: credentials, and signed tokens as states, connect sessions and user tokens are. */
const HANDED_OUT = /mushu_([a-z]+)_[0-9a-f]{72}|(eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+)/g;

/** Keeps an answer to be searched, and plants the credentials that it hands out. Returns how to forget it again. */
export const recordAnswer = async (request: Request, response: Response): Promise<() => void> => {
  const head = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
  const text = `${response.status}\n${head}\n\n${await response.clone().text()}`;
  for (const [value, kind] of text.matchAll(HANDED_OUT)) plantShownOnce(kind ?? 'signed token', value);
  const answer = { request: `${request.method} ${new URL(request.url).pathname}`, text };
  answers.push(answer);
  return () => {
    answers.splice(answers.indexOf(answer), 1);
  };
};

/** A secret and where it was found. */
export type Leak = { secret: string; where: string };

/** Every planted secret that is somewhere it must not be. */
export const findLeaks = async (): Promise<Leak[]> => {
  const places = [
    ...Object.entries(await tableTexts()).map(([table, text]) => ({ where: `D1 ${table}`, text })),
    ...Object.entries(await dumpKv()).map(([key, value]) => ({ where: 'KV', text: `${key}\n${value}` })),
    { where: 'log', text: JSON.stringify(logs) },
  ];
  return [...planted].flatMap(([value, { name, mayBeShownOnce }]) => {
    const shown = answers.filter(({ text }) => text.includes(value));
    const found = [
      ...places.filter(({ text }) => text.includes(value)).map(({ where }) => where),
      ...shown.slice(mayBeShownOnce ? 1 : 0).map(({ request }) => `answer to ${request}`),
    ];
    return found.map((where) => ({ secret: name, where }));
  });
};

/** How many secrets were planted: a search for none proves nothing. */
export const plantedCount = (): number => planted.size;
