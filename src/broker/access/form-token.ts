import { constantTimeEqual, hex, type RandomBytes, sha256 } from '../../crypto/credential.ts';

/**
 * The synchroniser token of a browser's forms. It follows from a cookie that only that browser has, so it needs no storage; the cookie
 * does not follow from it, so that it may stand in a page.
 */
export const formTokenOf = async (cookie: string): Promise<string> => hex(await sha256(`mushu-form:${cookie}`));

/** Whether a form was made for the browser that sends it. */
export const isFormTokenOf = async (cookie: string, presented: string): Promise<boolean> =>
  constantTimeEqual(await formTokenOf(cookie), presented);

/** A new value for the cookie of a browser that has not signed in. */
export const newVisitor = ({ random }: { random: RandomBytes }): string => hex(random(VISITOR_BYTES));

const VISITOR_BYTES = 32;
