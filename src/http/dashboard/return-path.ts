import { SIGN_IN_PATH } from './session.ts';

/** The page to which a person returns after signing in. It is in the URL, so any other text means the first page. */

const FIRST_PAGE = '/dashboard/apps';
const DASHBOARD = '/dashboard/';
/** Any origin: it only shows whether a text leads to another one. */
const HERE = 'https://here.invalid';

/** The path of the sign-in page that leads to a page of the dashboard. */
export const signInPathTo = (path: string): string =>
  returnPathOf(path) === FIRST_PAGE ? SIGN_IN_PATH : `${SIGN_IN_PATH}?${new URLSearchParams({ to: path }).toString()}`;

/** The page of the dashboard that a text names; the first one if it names none. */
export const returnPathOf = (text: string | undefined): string => {
  if (text === undefined || !URL.canParse(text, HERE)) return FIRST_PAGE;
  const { origin, pathname, search } = new URL(text, HERE);
  const isPage = origin === HERE && pathname.startsWith(DASHBOARD) && pathname !== SIGN_IN_PATH;
  return isPage ? `${pathname}${search}` : FIRST_PAGE;
};
