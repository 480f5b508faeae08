/**
 * Secrets that a test file has seen, and the answers in which they must not be. Test code that talks to a broker plants
 * each secret as it comes by and records each answer. When the file is done, these are searched together with what the
 * broker keeps.
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

/** Something that was shown: where, and what. */
export type Shown = { where: string; text: string };

const answers: Shown[] = [];

/** What the broker hands out: credentials, and signed tokens as states, connect sessions and user tokens are. */
const HANDED_OUT = /mushu_([a-z]+)_[0-9a-f]{72}|(eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+)/g;

/**
 * Keeps what was shown, to be searched, and plants the credentials that it hands out. Returns how to forget it again.
 */
export const recordShown = (shown: Shown): (() => void) => {
  for (const [value, kind] of shown.text.matchAll(HANDED_OUT)) plantShownOnce(kind ?? 'signed token', value);
  answers.push(shown);
  return () => {
    answers.splice(answers.indexOf(shown), 1);
  };
};

/** Keeps an answer, head and body, to be searched. */
export const recordAnswer = async (method: string, url: string, response: Response): Promise<() => void> => {
  const head = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
  const text = `${response.status}\n${head}\n\n${await response.clone().text()}`;
  return recordShown({ where: `answer to ${method} ${new URL(url).pathname}`, text });
};

/** A secret and where it was found. */
export type Leak = { secret: string; where: string };

/**
 * Every planted secret that is somewhere it must not be: in what was shown, or in these other places, where none may
 * be.
 */
export const findLeaksIn = (places: readonly Shown[]): Leak[] =>
  [...planted].flatMap(([value, { name, mayBeShownOnce }]) => {
    const shown = answers.filter(({ text }) => text.includes(value)).slice(mayBeShownOnce ? 1 : 0);
    const kept = places.filter(({ text }) => text.includes(value));
    return [...kept, ...shown].map(({ where }) => ({ secret: name, where }));
  });

/** Forgets what an earlier file has seen. */
export const forgetShown = (): void => {
  planted.clear();
  answers.length = 0;
};

/** How many secrets were planted: a search for none proves nothing. */
export const plantedCount = (): number => planted.size;
