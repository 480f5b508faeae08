import type { Child } from 'hono/jsx';

/** A column: its heading and its alignment. The heading of a column of actions may be for screen readers only. */
export type Column = string | { label: string; kind: 'number' | 'actions' };

/** A row: its cells in the order of the columns. The first one is the row's heading. */
export type Row = {
  cells: readonly Child[];
  /** The id of the first cell, for `aria-labelledby`. */
  id?: string | undefined;
  /** Whether the row is inactive, such as a revoked key. */
  isOver?: boolean | undefined;
};

/**
 * A table. On a phone the stylesheet stacks each row's cells and labels them by column. Browsers drop a table's roles
 * with its layout, so the roles are explicit.
 */
export const Table = ({
  label,
  columns,
  rows,
}: {
  label: string;
  columns: readonly Column[];
  rows: readonly Row[];
}) => (
  <table class="table" role="table" aria-label={label}>
    <thead role="rowgroup">
      <tr role="row">
        {columns.map((column) => (
          <th scope="col" role="columnheader" class={classOf(column)}>
            {isActions(column) ? <span class="hidden">{labelOf(column)}</span> : labelOf(column)}
          </th>
        ))}
      </tr>
    </thead>
    <tbody role="rowgroup">
      {rows.map(({ cells: [first, ...rest], id, isOver }) => (
        <tr role="row" class={isOver === true ? 'over' : undefined}>
          <th scope="row" role="rowheader" id={id}>
            {first}
          </th>
          {rest.map((cell, index) => (
            <Cell column={columns[index + 1] ?? ''}>{cell}</Cell>
          ))}
        </tr>
      ))}
    </tbody>
  </table>
);

const Cell = ({ column, children }: { column: Column; children: Child }) => (
  <td role="cell" class={classOf(column)} data-label={isActions(column) ? undefined : labelOf(column)}>
    <span>{children}</span>
  </td>
);

const labelOf = (column: Column): string => (typeof column === 'string' ? column : column.label);

const isActions = (column: Column): boolean => typeof column !== 'string' && column.kind === 'actions';

const classOf = (column: Column): string | undefined => {
  if (typeof column === 'string') return undefined;
  return column.kind === 'actions' ? 'end' : 'number';
};
