import { describe, expect, test } from 'vitest';

import { positionName, WHOLE_BODY } from '../../../src/domain/metrics/measurement.ts';
import { measure, valuesOf } from './groups.ts';

describe('positions', () => {
  test('of body composition: a limb is a segment and never the body', () => {
    expect(valuesOf(measure(76, 296, -2, 3), measure(1, 712, -1, 10))).toEqual([
      { type: 1, position: 10, value: 71.2 },
      { type: 76, position: 3, value: 2.96 },
    ]);
  });

  test.each([91, 155])('of arteries (type %i): a foot is a segment and never the person', (type) => {
    expect(valuesOf(measure(type, 7721, -3, 4))).toEqual([{ type, position: 4, value: 7.721 }]);
    expect(valuesOf(measure(type, 7721, -3, 4), measure(type, 7705, -3))).toEqual([
      { type, position: WHOLE_BODY, value: 7.705 },
      { type, position: 4, value: 7.721 },
    ]);
    expect(valuesOf(measure(type, 7705, -3, 7))).toEqual([{ type, position: WHOLE_BODY, value: 7.705 }]);
  });

  test('absent and 7 are both the whole body, which is taken once, the one without position first', () => {
    const seven = measure(5, 5713, -2, 7);
    const absent = measure(5, 5714, -2);
    expect(valuesOf(seven, seven)).toEqual([{ type: 5, position: WHOLE_BODY, value: 57.13 }]);
    expect(valuesOf(seven, absent)).toEqual([{ type: 5, position: WHOLE_BODY, value: 57.14 }]);
    expect(valuesOf(absent, seven)).toEqual([{ type: 5, position: WHOLE_BODY, value: 57.14 }]);
  });

  test('of extracellular water: between the legs is the whole body, unless 7 is there too', () => {
    expect(valuesOf(measure(168, 1702, -2, 6))).toEqual([{ type: 168, position: WHOLE_BODY, value: 17.02 }]);
    expect(valuesOf(measure(168, 1702, -2, 6), measure(168, 1703, -2, 7))).toEqual([
      { type: 168, position: WHOLE_BODY, value: 17.03 },
      { type: 168, position: 6, value: 17.02 },
    ]);
    expect(valuesOf(measure(169, 1702, -2, 6))).toEqual([{ type: 169, position: 6, value: 17.02 }]);
  });

  test('of a pulse only say where it was felt', () => {
    expect(valuesOf(measure(11, 58, 0, 5))).toEqual([{ type: 11, position: WHOLE_BODY, value: 58 }]);
  });

  test('of blood pressure at both arms: the lowest is the value, the others are kept apart', () => {
    const left = measure(10, 118, 0, 3);
    const right = measure(10, 121, 0, 2);
    const expected = [
      { type: 10, position: WHOLE_BODY, value: 121 },
      { type: 10, position: 3, value: 118 },
    ];
    expect(valuesOf(left, right, left)).toEqual(expected);
    expect(valuesOf(right, left, right)).toEqual(expected);
  });

  test.each([
    ['absent before 7', [measure(54, 97, 0, 7), measure(54, 98, 0), measure(54, 95, 0, 0)], 98],
    ['7 before a wrist', [measure(54, 95, 0, 0), measure(54, 97, 0, 7)], 97],
  ])('of SpO2 rank %s', (_, measures, value) => {
    expect(valuesOf(...measures)).toEqual([
      { type: 54, position: WHOLE_BODY, value },
      { type: 54, position: 0, value: 95 },
    ]);
  });

  test.each([173, 174, 175])('of type %i are always segments; without one it says nothing', (type) => {
    expect(valuesOf(measure(type, 312, -2, 3), measure(type, 300, -2))).toEqual([{ type, position: 3, value: 3.12 }]);
    expect(valuesOf(measure(type, 312, -2, 7))).toEqual([{ type, position: 7, value: 3.12 }]);
  });

  test('of an unknown type are segments too, since it may be a limb', () => {
    expect(valuesOf(measure(999, 7, 0), measure(999, 3, 0, 10))).toEqual([
      { type: 999, position: WHOLE_BODY, value: 7 },
      { type: 999, position: 10, value: 3 },
    ]);
    expect(valuesOf(measure(999, 3, 0, 10))).toEqual([{ type: 999, position: 10, value: 3 }]);
  });

  test.each([
    [WHOLE_BODY, 'whole_body'],
    [3, 'left_arm'],
    [12, 'torso'],
    [24, 'position_24'],
  ])('%i is called %s', (position, name) => {
    expect(positionName(position)).toBe(name);
  });
});
