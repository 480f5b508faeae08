import { NEVER_ZERO_TYPES } from '../../domain/metrics/filled-in.ts';

/**
 * Whether the value of a row `m` of measurements was measured, not filled in: see `domain/metrics/filled-in.ts`.
 *
 * The rule has only what the type needs. A fat-free mass costs a second row read: the weight of the same group.
 */
export const isMeasured = (type: number): string => {
  const rules = [
    ...(NEVER_ZERO_TYPES.includes(type) ? ['m.value > 0'] : []),
    ...(type === FAT_FREE_MASS ? [IS_NOT_THE_WEIGHT] : []),
  ];
  return rules.length === 0 ? 'TRUE' : rules.join(' AND ');
};

const FAT_FREE_MASS = 5;

const IS_NOT_THE_WEIGHT = `m.value IS NOT (
    SELECT weight.value FROM measurements AS weight
    WHERE weight.connection_id = m.connection_id AND weight.type = 1 AND weight.position = -1 AND weight.ambiguous = m.ambiguous
      AND weight.measured_seconds = m.measured_seconds AND weight.group_id = m.group_id)`;

/** The same of any type. In a text, because SQLite counts a row read for each look into a list. */
export const IS_MEASURED = `(m.value > 0 OR instr(',${NEVER_ZERO_TYPES.join(',')},', ',' || m.type || ',') = 0)
  AND (m.type <> ${FAT_FREE_MASS} OR ${IS_NOT_THE_WEIGHT})`;
