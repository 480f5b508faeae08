/** Where the next page of an export begins, as the client carries it. It names rows of the user who is exported, and of nobody else. */

type Position = { connectionId: number; groupId: number };

const CURSOR = /^(\d{1,16})\.(\d{1,16})$/;

export const exportCursor = ({ connectionId, groupId }: Position): string => `${connectionId}.${groupId}`;

/** The position of a cursor; undefined where it is none. */
export const readExportCursor = (cursor: string): Position | undefined => {
  const [, connectionId, groupId] = CURSOR.exec(cursor) ?? [];
  const position = { connectionId: Number(connectionId), groupId: Number(groupId) };
  return Object.values(position).every(Number.isSafeInteger) ? position : undefined;
};
