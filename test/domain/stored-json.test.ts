import { expect, test } from 'vitest';
import * as z from 'zod';

import { parseStored, parseStoredList } from '../../src/domain/stored-json.ts';

const schema = z.looseObject({ a: z.number() });

test('text that does not fit is as good as none, and fields of a newer version are kept', () => {
  for (const text of [null, undefined, '', 'no JSON', '{}', 'null', '{"a":"1"}', '[]'])
    expect(parseStored(schema, text), String(text)).toBeUndefined();
  expect(parseStored(schema, '{"a":1,"b":2}')).toEqual({ a: 1, b: 2 });
});

test('a list loses the items that do not fit, and what is no list is none', () => {
  expect(parseStoredList(schema, '[{"a":1},null,7,{"b":2},{"a":3,"b":4}]')).toEqual([{ a: 1 }, { a: 3, b: 4 }]);
  expect(parseStoredList(schema, '[]')).toEqual([]);
  for (const text of [null, undefined, '', 'no JSON', '{"a":1}', 'null'])
    expect(parseStoredList(schema, text), String(text)).toBeUndefined();
});
