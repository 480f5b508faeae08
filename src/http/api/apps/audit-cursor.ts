/** Where a page of the audit trail goes on, as the client carries it: `<time>.<id>` of the last entry it has. */

type Position = { at: number; id: string };

const CURSOR = /^(\d{1,15})\.(audit_[0-9a-f]{20})$/;

export const auditCursor = ({ at, id }: Position): string => `${at}.${id}`;

/** The position of a cursor; undefined where it is none. */
export const readAuditCursor = (cursor: string): Position | undefined => {
  const [, at, id] = CURSOR.exec(cursor) ?? [];
  return at === undefined || id === undefined ? undefined : { at: Number(at), id };
};
