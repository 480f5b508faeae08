import { describe, expect, test } from 'vitest';

import { asConnectionId } from '../../src/domain/connection-id.ts';
import { historyAfterFailure, historyAfterSkip, isHopeless, isShortest } from '../../src/domain/history-failure.ts';
import {
  END_OF_TIME_SECONDS,
  historyAfterPage,
  type HistoryPosition,
  nextStretch,
  startOfHistory,
} from '../../src/domain/history.ts';
import { nextQuestion } from '../../src/domain/sync.ts';
import { DAY, Reader, START, Upstream } from '../support/upstream-history.ts';

describe('a stretch that cannot be read', () => {
  const SIZES = [1, 5, 40, 400, 4_000];

  test.each(SIZES)('is asked for in smaller pieces until %i groups fit, and the size is kept', (most) => {
    const upstream = new Upstream('recorded', 1_000_000);
    for (let day = 0; day < 2_000; day += 2) upstream.weigh(START - day * DAY, START - day * DAY + 60);
    const reader = new Reader(upstream);
    let failed = 0;
    for (let steps = 0; !reader.complete && steps < 4_000; steps += 1) {
      const question = nextQuestion(reader.position, reader.now, asConnectionId(17));
      const { history } = reader.position;
      if (question.kind === 'changes' || history === undefined || upstream.matching(question).length <= most)
        reader.step();
      else {
        failed += 1;
        reader.position = { ...reader.position, history: historyAfterFailure(history, question) };
      }
    }
    expect(reader.complete).toBe(true);
    expect(reader.stored.size).toBe(1_000);
    // Learned once, and again where a roomy answer was followed by a longer stretch.
    expect(failed).toBeLessThanOrEqual(most === 1 ? 700 : 12 + reader.questions / 2);
  });

  test('is skipped once its shortest piece has failed three times, and no more than it is left out', () => {
    let history: HistoryPosition | undefined = { ...startOfHistory(START * 1000), untilSeconds: START - 100 * DAY };
    const bad = START - 1_000 * DAY - 5;
    let skipped = 0;
    for (let steps = 0; history !== undefined && steps < 500; steps += 1) {
      const question = nextStretch(history, 0);
      const { startDateSeconds = -Infinity, endDateSeconds } = question;
      if (question.kind === 'stretch' && startDateSeconds <= bad && bad <= endDateSeconds) {
        const wasShortest = isShortest(history, question);
        const after: HistoryPosition = historyAfterFailure(history, question);
        if (wasShortest && isHopeless(after)) {
          skipped += 1;
          expect((history.untilSeconds ?? END_OF_TIME_SECONDS) - startDateSeconds).toBeLessThanOrEqual(DAY + 600);
          history = historyAfterSkip(after);
        } else history = after;
        continue;
      }
      history = historyAfterPage(history, question, { measuredSeconds: [], nextOffset: undefined, pageMark: 0 });
    }
    expect(skipped).toBe(1);
    expect(history).toBeUndefined();
  });

  test('that is all of the past is left after some pieces, so that the reading ends', () => {
    let history: HistoryPosition | undefined = { ...startOfHistory(START * 1000), untilSeconds: START };
    let steps = 0;
    for (; history !== undefined && steps < 1_000; steps += 1) {
      const after: HistoryPosition = historyAfterFailure(history, nextStretch(history, 0));
      history = isHopeless(after) ? historyAfterSkip(after) : after;
    }
    expect(history).toBeUndefined();
    expect(steps).toBeLessThan(100);
  });
});
