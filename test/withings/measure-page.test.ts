import { describe, expect, test } from 'vitest';

import { processMeasureResponse } from '../../src/withings/measure.ts';
import { group, measure, page, success, without } from './answers.ts';

const groupsOf = (...measuregrps: unknown[]) => processMeasureResponse(success({ ...page, measuregrps }));

describe('a page', () => {
  const translated = {
    groupId: 6_712_345_678,
    measuredAtSeconds: 1_760_000_000,
    createdAtSeconds: 1_760_000_020,
    modifiedAtSeconds: 1_760_000_040,
    attrib: 0,
    category: 1,
    deviceId: 'd3f4'.repeat(10),
    model: 'Body+',
    modelId: 5,
    timeZone: 'Europe/Berlin',
    measures: [{ type: 1, value: 66600, unit: -3, position: undefined }],
  };

  test('is translated into our names', () => {
    expect(processMeasureResponse(success(page))).toEqual({
      ok: true,
      value: {
        groups: [translated],
        timeZone: 'Europe/Berlin',
        nextOffset: undefined,
        skipped: 0,
        unreadableIds: [],
        nameless: 0,
      },
    });
  });

  test('is read in part if that is wanted: what is left out is neither read nor counted', () => {
    const measuregrps = [group, { ...group, date: 1_750_000_000, grpid: 'broken' }, { date: 'broken' }];
    const answer = success({ ...page, measuregrps });
    const asked: unknown[] = [];
    const partOf = (end: number) =>
      processMeasureResponse(answer, (measuredSeconds) => {
        asked.push(measuredSeconds);
        return end;
      });
    expect(partOf(1)).toMatchObject({ value: { groups: [translated], skipped: 0, partEndsSeconds: group.date } });
    expect(partOf(2)).toMatchObject({ value: { groups: [translated], skipped: 1, partEndsSeconds: 1_750_000_000 } });
    const whole = partOf(3);
    expect(whole).toMatchObject({ value: { groups: [translated], skipped: 2 } });
    expect(whole).not.toHaveProperty('value.partEndsSeconds');
    expect(asked[0]).toEqual([group.date, 1_750_000_000, NaN]);
  });

  test('may be empty', () => {
    expect(groupsOf()).toMatchObject({ ok: true, value: { groups: [], skipped: 0 } });
  });

  test('keeps types, positions, attributions, categories and members that are unknown', () => {
    const unknown = {
      ...group,
      attrib: -1,
      category: 9,
      is_inconclusive: true,
      measures: [{ ...measure, type: 99_999, position: 77, algo_params: { '1': 1 } }],
    };
    expect(groupsOf(unknown)).toMatchObject({
      value: {
        groups: [{ attrib: -1, category: 9, measures: [{ type: 99_999, position: 77 }] }],
        skipped: 0,
      },
    });
  });

  test('takes the storing time for the time of change in groups that have none', () => {
    expect(groupsOf(without(group, 'modified'))).toMatchObject({
      value: { groups: [{ modifiedAtSeconds: group.created }], skipped: 0 },
    });
  });

  test('has null for a device, model or model id that is null, absent or broken', () => {
    const { deviceid: _device, model: _model, modelid: _id, ...absent } = group;
    const none = { deviceId: null, model: null, modelId: null };
    expect(
      groupsOf({ ...group, deviceid: null, model: null, modelid: null }, absent, {
        ...group,
        deviceid: 4,
        model: {},
        modelid: '5',
      }),
    ).toMatchObject({ value: { groups: [none, none, none], skipped: 0 } });
  });

  test('prefers the zone of the group to that of the account', () => {
    expect(groupsOf({ ...group, timezone: 'Asia/Tokyo' }, group)).toMatchObject({
      value: { groups: [{ timeZone: 'Asia/Tokyo' }, { timeZone: 'Europe/Berlin' }] },
    });
  });

  const HARMFUL = ['Europe/Berlin\r\nX-Planted: yes', 'a\u0000b', 'a\u2028b', '\u202Eevil', 'x'.repeat(101), '\uD800'];

  test.each(HARMFUL)('takes no text that could harm where it is written: %j', (text) => {
    expect(groupsOf({ ...group, deviceid: text, model: text, timezone: text })).toMatchObject({
      value: { groups: [{ deviceId: null, model: null, timeZone: page.timezone }] },
    });
    expect(processMeasureResponse(success({ ...page, timezone: text }))).toMatchObject({
      value: { timeZone: undefined },
    });
  });

  test.each(['Körperwaage Ⅱ', 'Body Scan', '体重計'])('keeps a name of a device in any script: %s', (model) => {
    expect(groupsOf({ ...group, model })).toMatchObject({ value: { groups: [{ model }] } });
  });

  test.each(['America/Argentina/Buenos_Aires', 'Etc/GMT+5', 'UTC', 'America/Port-au-Prince', 'Mars/Olympus_Mons'])(
    'keeps a name of a zone, known or not: %s',
    (timezone) => {
      expect(processMeasureResponse(success({ ...page, timezone }))).toMatchObject({ value: { timeZone: timezone } });
    },
  );

  test.each([' Europe/Berlin', 'Europe/Ber lin', '../etc/passwd', 'Europe//Berlin', '<b>', '"', '+02:00', 'a/b/c/d'])(
    'takes no other text for a zone: %j',
    (timezone) => {
      expect(processMeasureResponse(success({ ...page, timezone }))).toMatchObject({ value: { timeZone: undefined } });
    },
  );

  test.each([{ timezone: undefined }, { timezone: null }, { timezone: '' }, { timezone: 1 }])(
    'reads no zone in $timezone, and has UTC for the groups',
    ({ timezone }) => {
      expect(processMeasureResponse(success({ ...page, timezone }))).toMatchObject({
        value: { timeZone: undefined, groups: [{ timeZone: 'UTC' }] },
      });
    },
  );

  test.each([
    { more: 1, offset: 0, nextOffset: undefined },
    { more: 1, offset: undefined, nextOffset: undefined },
    { more: true, offset: -1, nextOffset: undefined },
    { more: 1, offset: 'next', nextOffset: undefined },
    { more: 1, offset: 300, nextOffset: 300 },
    { more: true, offset: '300', nextOffset: 300 },
    { more: '1', offset: 300, nextOffset: 300 },
    { more: 0, offset: 0, nextOffset: undefined },
    { more: false, offset: 300, nextOffset: undefined },
    { more: '0', offset: 300, nextOffset: undefined },
    { more: null, offset: null, nextOffset: undefined },
    { more: undefined, offset: undefined, nextOffset: undefined },
    { more: undefined, offset: 300, nextOffset: undefined },
  ])('with more $more and offset $offset goes on at $nextOffset', ({ more, offset, nextOffset }) => {
    expect(processMeasureResponse(success({ ...page, more, offset }))).toMatchObject({
      ok: true,
      value: { nextOffset },
    });
  });
});
