import type { AppId } from '../domain/app-id.ts';

/** What no shell reads as anything but itself. A leading `-` would be an option. */
const NEEDS_NO_QUOTES = /^[A-Za-z0-9_./:@%+,=][A-Za-z0-9_./:@%+,=-]*$/;

/**
 * The command that registers a redirect URI, to paste into a POSIX shell. Undefined if the URI contains a backtick,
 * which marks code in the sentence around it: no valid URI does (RFC 3986, 2).
 */
export const registerCommand = (appId: AppId, uri: string): string | undefined =>
  uri.includes('`') || uri.startsWith('-')
    ? undefined
    : `mushu health redirect-uri add ${shellWord(uri)} --app ${shellWord(appId)}`;

/**
 * One word of a command (POSIX, Shell Command Language, 2.2.2): within single quotes only the quote itself has a
 * meaning.
 */
const shellWord = (text: string): string =>
  NEEDS_NO_QUOTES.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
