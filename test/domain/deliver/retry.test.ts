import { describe, expect, it } from 'vitest';
import { afterAnswer, retryAfterSeconds } from '../../../domain/deliver/retry.ts';
import type { WebhookAnswer } from '../../../domain/ports.ts';
import { DEFAULT_RETRY_WAITS } from '../../../schemas/territory.ts';

const now = new Date('2026-03-01T10:00:00Z');
const answer = (status: number, retryAfter?: string): WebhookAnswer => ({
  kind: 'answer',
  status,
  body: '',
  ...(retryAfter !== undefined && { retryAfter }),
});

describe('afterAnswer', () => {
  it('waits 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h, then parks', () => {
    const waits = Array.from({ length: 8 }, (_, index) =>
      afterAnswer(answer(500), index + 1, DEFAULT_RETRY_WAITS, now),
    );
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
    expect(afterAnswer(answer(status), 1, DEFAULT_RETRY_WAITS, now).kind).toBe(kind);
  });

  it.each([
    { kind: 'no-answer', error: 'timeout' },
    { kind: 'refused', error: 'private' },
  ] as const)('retries $kind', (given) => {
    expect(afterAnswer(given, 1, DEFAULT_RETRY_WAITS, now)).toEqual({ kind: 'retry', afterSeconds: 5 });
  });

  it('obeys Retry-After of 429 and 503 only, never waiting less than planned', () => {
    expect(afterAnswer(answer(429, '60'), 1, DEFAULT_RETRY_WAITS, now)).toEqual({
      kind: 'retry',
      afterSeconds: 60,
    });
    expect(afterAnswer(answer(503, 'Sun, 01 Mar 2026 10:02:00 GMT'), 1, DEFAULT_RETRY_WAITS, now)).toEqual({
      kind: 'retry',
      afterSeconds: 120,
    });
    expect(afterAnswer(answer(503, '1'), 1, DEFAULT_RETRY_WAITS, now)).toEqual({
      kind: 'retry',
      afterSeconds: 5,
    });
    expect(afterAnswer(answer(500, '60'), 1, DEFAULT_RETRY_WAITS, now)).toEqual({
      kind: 'retry',
      afterSeconds: 5,
    });
  });

  it('does not wait for longer than a day because a receiver says so', () => {
    expect(afterAnswer(answer(429, '999999999'), 1, DEFAULT_RETRY_WAITS, now)).toEqual({
      kind: 'retry',
      afterSeconds: 86_400,
    });
  });
});

it('reads no wait out of a Retry-After that is none, or is past', () => {
  for (const text of [undefined, '', 'soon', '-5', 'Sun, 01 Mar 2020 10:00:00 GMT'])
    expect(retryAfterSeconds(text, now)).toBe(0);
});
