export type Row = Record<string, string | number | null>;

/** A value as SQL text. */
export const literal = (value: string | number | null | undefined): string => {
  if (value === null || value === undefined) return 'NULL';
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
};

/** The statement that adds a row. */
export const insertOf = (table: string, row: Row): string => {
  const columns = Object.keys(row).map((column) => `"${column}"`);
  return `INSERT INTO "${table}" (${columns.join(', ')}) VALUES (${Object.values(row).map(literal).join(', ')});\n`;
};
