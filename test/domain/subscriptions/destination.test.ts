import { describe, expect, test } from 'vitest';
import { destination } from '../../../schemas/subscription.ts';

const to = (more: object) =>
  destination.safeParse({ kind: 'webhook', url: 'https://app.example.org/', ...more }).success;

describe('the headers of a webhook', () => {
  test.each([
    ['Host', 'internal'],
    ['content-length', '0'],
    ['Content-Type', 'text/html'],
    ['Transfer-Encoding', 'chunked'],
    ['TE', 'trailers'],
    ['Trailer', 'x'],
    ['Connection', 'close'],
    ['Keep-Alive', 'timeout=1'],
    ['Proxy-Authorization', 'Basic x'],
    ['Upgrade', 'h2c'],
    ['Expect', '100-continue'],
    ['Webhook-Id', 'dlv_forged'],
    ['WEBHOOK-SIGNATURE', 'v1,forged'],
    ['WebHook-Request-Origin', 'other.example.org'],
    ['Ce-Source', '//other'],
    ['X-A\r\nHost', 'x'],
    ['X-A:', 'x'],
    ['X A', 'x'],
    ['', 'x'],
    ['X-A', 'b\r\nHost: internal'],
    ['X-A', 'b\nc'],
    ['X-A', 'b\0c'],
    ['X-A', 'b\u010Ac'],
  ])('may not be %j: %j', (name, value) => expect(to({ headers: { [name]: value } })).toBe(false));

  test.each([
    ['Authorization', 'Bearer x'],
    ['X-Api-Key', 'a b\tc'],
  ])('may be %j: %j', (name, value) => expect(to({ headers: { [name]: value } })).toBe(true));

  test('are at most twenty', () => {
    const headers = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, '']));
    expect([to({ headers: headers(20) }), to({ headers: headers(21) })]).toEqual([true, false]);
  });
});

test('signatures are named once, at least one, and no other', () => {
  expect([['v1'], ['v1a', 'v1'], ['v1a']].map((signatures) => to({ signatures }))).toEqual([
    true,
    true,
    true,
  ]);
  expect([[], ['v1', 'v1'], ['v2']].map((signatures) => to({ signatures }))).toEqual([false, false, false]);
});
