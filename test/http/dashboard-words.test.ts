import { expect, test } from 'vitest';

import { changeText, numberText, valueText } from '../../src/http/dashboard/metric-words.ts';

/** The numbers of the dashboard, with the runtime's own number formats. */

test.each([
  [84.55, 'kg', '84.55 kg'],
  [61.45, 'kg', '61.45 kg'],
  [84.5, 'kg', '84.5 kg'],
  [80, 'kg', '80.0 kg'],
  [1.005, 'kg', '1.01 kg'],
  [24.95, '%', '25.0 %'],
  [24.85, '%', '24.9 %'],
  [24.949, '%', '24.9 %'],
  [1.8, 'm', '1.80 m'],
  [62.5, 'bpm', '63 bpm'],
  [36.6, '°C', '36.6 °C'],
  [36.615, '°C', '36.62 °C'],
  [3, '', '3'],
  [-0, 'kg', '0.0 kg'],
  [-0.004, 'kg', '0.0 kg'],
])('%s in %s is written as %s', (value, unit, text) => {
  expect(valueText(value, unit)).toBe(text);
});

test.each([5e-324, 1e15, 1e22, -1e100, Number.MAX_VALUE])('the number %s is written in few characters', (value) => {
  expect(numberText(value, 'kg').length).toBeLessThan(25);
});

test.each([
  [80, 79.95, 'kg', '−0.05 kg'],
  [79.95, 80, 'kg', '+0.05 kg'],
  [61.45, 61.45, 'kg', 'no change'],
  [0.1, 0.30000000000000004, 'kg', '+0.2 kg'],
  [23.4, 23.8, '%', '+0.4 percentage points'],
  [23.4, 23.42, '%', 'no change'],
  [120, 118, 'mmHg', '−2 mmHg'],
  [3, 4, '', '+1'],
])('from %s to %s %s is %s', (first, last, unit, text) => {
  expect(changeText(first, last, unit)).toBe(text);
});
