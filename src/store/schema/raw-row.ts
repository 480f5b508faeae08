import type { SQLiteTable } from 'drizzle-orm/sqlite-core';

/**
 * A row of raw SQL, by the schema: the database's names of the columns, and 0 and 1 for booleans. A column that the
 * schema renames or retypes does not compile here.
 */
export type RawRow<Table extends SQLiteTable> = {
  [Name in keyof Table['_']['columns'] as Table['_']['columns'][Name]['_']['name']]: RawValue<
    Table['_']['columns'][Name]['_']
  >;
};

type RawValue<Column extends { data: unknown; notNull: boolean }> =
  | (Column['data'] extends boolean ? number : Column['data'])
  | (Column['notNull'] extends true ? never : null);
