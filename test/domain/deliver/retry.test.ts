import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterAnswer, heldSeconds, retryAfterSeconds } from '../../../domain/deliver/retry.ts';
import type { WebhookAnswer } from '../../../domain/ports.ts';
import { seconds } from '../../../schemas/duration.ts';
import { DEFAULT_RETRY_WAITS } from '../../../schemas/territory.ts';

const now = new Date('2026-03-01T10:00:00Z');
const PLAN = { waits: DEFAULT_RETRY_WAITS, chance: () => 0 };
const answer = (status: number, retryAfter?: string): WebhookAnswer => ({
  kind: 'answer',
  status,
  body: '',
  ...(retryAfter !== undefined && { retryAfter }),
});

describe('afterAnswer', () => {
  it('waits 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h, then parks', () => {
    const waits = Array.from({ length: 8 }, (_, index) => afterAnswer(answer(500), index + 1, PLAN, now));
    const seconds = [5, 300, 1800, 7200, 18_000, 36_000, 36_000];
    expect(waits).toEqual([
      ...seconds.map((afterSeconds) => ({ kind: 'retry', afterSeconds })),
      { kind: 'parked' },
    ]);
  });

  it.each([
    [200, 'delivered'],
    [299, 'delivered'],
    [410, 'gone'],
    [301, 'retry'],
    [308, 'retry'],
    [404, 'retry'],
    [199, 'retry'],
  ])('takes %i for %s', (status, kind) => {
    expect(afterAnswer(answer(status), 1, PLAN, now).kind).toBe(kind);
  });

  it.each([
    { kind: 'no-answer', error: 'timeout' },
    { kind: 'refused', error: 'private' },
  ] as const)('retries $kind', (given) => {
    expect(afterAnswer(given, 1, PLAN, now)).toEqual({ kind: 'retry', afterSeconds: 5 });
  });

  it('obeys Retry-After of 429 and 503 only, never waiting less than planned', () => {
    expect(afterAnswer(answer(429, '60'), 1, PLAN, now)).toEqual({
      kind: 'retry',
      afterSeconds: 60,
    });
    expect(afterAnswer(answer(503, 'Sun, 01 Mar 2026 10:02:00 GMT'), 1, PLAN, now)).toEqual({
      kind: 'retry',
      afterSeconds: 120,
    });
    expect(afterAnswer(answer(503, '1'), 1, PLAN, now)).toEqual({
      kind: 'retry',
      afterSeconds: 5,
    });
    expect(afterAnswer(answer(500, '60'), 1, PLAN, now)).toEqual({
      kind: 'retry',
      afterSeconds: 5,
    });
  });

  it.each([
    ['a day', '86400', 86_400],
    ['a date in three days', 'Wed, 04 Mar 2026 10:00:00 GMT', 3 * 86_400],
    ['more than a week', '999999999', 7 * 86_400],
  ])('waits for %s where a receiver says so, a week at most', (_, retryAfter, afterSeconds) => {
    expect(afterAnswer(answer(429, retryAfter), 1, PLAN, now)).toEqual({ kind: 'retry', afterSeconds });
  });

  it('never spends more than half of what is left of the retention on one wait', () => {
    const plan = { ...PLAN, keptSeconds: 7200 };
    expect(afterAnswer(answer(503, '86400'), 1, plan, now)).toEqual({ kind: 'retry', afterSeconds: 3600 });
    expect(afterAnswer(answer(500), 7, plan, now)).toEqual({ kind: 'retry', afterSeconds: 3600 });
    expect(afterAnswer(answer(500), 1, { ...plan, keptSeconds: 2 }, now)).toEqual({
      kind: 'retry',
      afterSeconds: 1,
    });
    expect(afterAnswer(answer(500), 8, { ...plan, keptSeconds: 2 }, now)).toEqual({ kind: 'parked' });
  });

  it('waits a little longer by chance: never shorter, never by more than a tenth', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.integer({ min: 1, max: 7 }),
        (part, count) => {
          const next = afterAnswer(answer(500), count, { ...PLAN, chance: () => part }, now);
          const planned = seconds(DEFAULT_RETRY_WAITS[count - 1] ?? '');
          const waited = next.kind === 'retry' ? next.afterSeconds : 0;
          expect(waited).toBeGreaterThanOrEqual(planned);
          expect(waited).toBeLessThan(planned * 1.1);
          expect(waited).toBeCloseTo(planned * (1 + part / 10));
        },
      ),
    );
  });
});

it('reads no wait out of a Retry-After that is none, or is past', () => {
  for (const text of [undefined, '', 'soon', '-5', 'Sun, 01 Mar 2020 10:00:00 GMT'])
    expect(retryAfterSeconds(text, now)).toBe(0);
});

describe('what is held', () => {
  it('comes again after 5 s, and twice as long each time, up to a quarter of an hour', () => {
    const waits = [1, 2, 3, 4, 8, 9, 10].map((received) => heldSeconds(received, () => 0));
    expect(waits).toEqual([5, 10, 20, 40, 640, 900, 900]);
    expect(heldSeconds(1, () => 0.9)).toBe(6);
  });

  it('outlasts an outage of half an hour before it is set aside', () => {
    const nine = Array.from({ length: 9 }, (_, index) => heldSeconds(index + 1, () => 0));
    expect(nine.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThanOrEqual(1800);
  });
});
