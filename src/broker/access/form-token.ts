import { constantTimeEqual, hex, type RandomBytes, sha256 } from '../../crypto/credential.ts';

/**
 * The synchronizer token of a browser's forms. It is derived from a cookie that only that browser has, so it is not
 * stored. The cookie cannot be derived from it, so it may be in a page.
 */
export const formTokenOf = async (cookie: string): Promise<string> => hex(await sha256(`mushu-form:${cookie}`));

/** Whether a form was made for the browser that sends it. */
export const isFormTokenOf = async (cookie: string, presented: string): Promise<boolean> =>
  constantTimeEqual(await formTokenOf(cookie), presented);

/** A new cookie value for a browser that has not signed in. */
export const newVisitor = ({ random }: { random: RandomBytes }): string => hex(random(VISITOR_BYTES));

const VISITOR_BYTES = 32;
