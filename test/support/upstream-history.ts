import { asConnectionId } from '../../src/domain/connection-id.ts';
import { partOfHistory } from '../../src/domain/history-part.ts';
import { startOfHistory } from '../../src/domain/history.ts';
import { positionAtStart } from '../../src/domain/start-position.ts';
import {
  nextQuestion,
  positionAfterAnswer,
  type SyncPosition,
  type SyncQuestion,
  withPageRequested,
} from '../../src/domain/sync.ts';

/** A history at Withings and a reader of it, without I/O. */

export const DAY = 86_400;
export const START = 1_700_000_000;

type Group = { id: number; date: number; modified: number; version: number };
export type Order = 'recorded' | 'reversed';

/** Withings as far as reading depends on it: stretches newest first and changes oldest first, or in another order. */
export class Upstream {
  readonly groups = new Map<number, Group>();
  #lastId = 0;
  readonly order: Order;
  readonly endless: boolean;
  pageSize: number;

  constructor(order: Order, pageSize: number, endless = false) {
    this.order = order;
    this.pageSize = pageSize;
    this.endless = endless;
  }

  weigh(date: number, modified: number): void {
    this.#lastId += 1;
    this.groups.set(this.#lastId, { id: this.#lastId, date, modified, version: 1 });
  }

  edit(which: number, date: number | undefined, modified: number): void {
    const group = [...this.groups.values()][which % Math.max(1, this.groups.size)];
    if (group === undefined) return;
    this.groups.set(group.id, { ...group, date: date ?? group.date, modified, version: group.version + 1 });
  }

  matching(question: SyncQuestion): Group[] {
    const all = [...this.groups.values()];
    if (question.kind === 'changes') return all.filter(({ modified }) => modified > question.lastUpdateSeconds);
    const { startDateSeconds = -Infinity, endDateSeconds, types } = question;
    // None of them is a height.
    if (types !== undefined) return [];
    return all.filter(({ date }) => date >= startDateSeconds && date <= endDateSeconds);
  }

  answer(question: SyncQuestion): { page: Group[]; nextOffset: number | undefined } {
    const key = (group: Group) => (question.kind === 'changes' ? group.modified : -group.date);
    const sign = this.order === 'reversed' ? -1 : 1;
    const found = this.matching(question).toSorted((a, b) => sign * (key(a) - key(b) || a.id - b.id));
    const offset = question.offset ?? 0;
    const end = offset + this.pageSize;
    if (this.endless)
      return { page: found.slice(offset % Math.max(1, found.length)).slice(0, this.pageSize), nextOffset: end };
    return { page: found.slice(offset, end), nextOffset: end < found.length ? end : undefined };
  }
}

/** What is stored here, by a reader whose every step is kept as JSON, as a database keeps it. */
export class Reader {
  position: SyncPosition = {
    cursorSeconds: 0,
    resume: undefined,
    history: startOfHistory(START * 1000),
    recentQuestions: [],
  };
  readonly stored = new Map<number, number>();
  now = START * 1000;
  startedAt = START * 1000;
  complete = false;
  questions = 0;
  readonly mostGroups: number;
  #upstream: Upstream;

  /** @param mostGroups how many groups of an answer it stores, or a few more */
  constructor(upstream: Upstream, mostGroups = Infinity) {
    this.#upstream = upstream;
    this.mostGroups = mostGroups;
  }

  /** One page; `isCut` loses its answer. */
  step(isCut = false): void {
    this.now += 1_000;
    this.questions += 1;
    const question = nextQuestion(this.position, this.now, asConnectionId(17));
    if (isCut) {
      this.#keep(withPageRequested(this.position, question, this.now));
      return;
    }
    const { page: all, nextOffset } = this.#upstream.answer(question);
    const most = partOfHistory(this.position, question, this.mostGroups)?.(all.map(({ date }) => date));
    const page = all.slice(0, most);
    for (const { id, version } of page) this.stored.set(id, version);
    const marks = {
      measuredSeconds: page.map(({ date }) => date),
      modifiedSeconds: page.map(({ modified }) => modified),
      nextOffset,
      partEndsSeconds: page.length < all.length ? page.at(-1)?.date : undefined,
      pageMark: page.reduce((mark, { id }) => (mark * 31 + id) % 2_147_483_647, 0),
    };
    const asked = withPageRequested(this.position, question, this.now);
    const times = { startedAt: this.startedAt, now: this.now };
    const { position, complete } = positionAfterAnswer(asked, question, marks, times);
    this.#keep(position);
    this.complete = complete;
  }

  /** Another slice, later; Withings may have notified of something new. */
  nextSlice(pauseMs: number, isPushed = false): void {
    this.now += pauseMs;
    this.startedAt = this.now;
    this.complete = false;
    this.#keep(positionAtStart(this.position, this.now, { isPushed }));
  }

  finish(most: number): void {
    for (let steps = 0; !this.complete; steps += 1) {
      if (steps > most) throw new Error(`not complete after ${most} more pages`);
      if (steps % 4 === 3) this.nextSlice(60_000);
      this.step();
    }
  }

  #keep(position: SyncPosition): void {
    this.position = JSON.parse(JSON.stringify(position)) as SyncPosition;
  }
}
