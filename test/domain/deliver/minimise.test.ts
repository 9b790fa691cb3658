import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { minimise } from '../../../domain/deliver/minimise.ts';
import { tokensOf } from '../../../domain/deliver/plan.ts';
import type { PseudonymScope } from '../../../domain/deliver/pseudonym.ts';
import type { CloudEvent } from '../../../events/cloudevent.ts';
import { minimisation, type MinimisationClause } from '../../../schemas/dataset.ts';
import { pointerToken } from '../../../schemas/problem.ts';

const event = (data: unknown, more: object = {}): CloudEvent => ({
  specversion: '1.0',
  id: 'e1',
  source: '//la-rochelle/atmo',
  type: 't',
  data,
  ...more,
});

const scope = (contract: string, acceptedAt = '2026-03-01T10:00:00Z'): PseudonymScope => ({
  key: Buffer.alloc(32, 7),
  contract,
  acceptedAt: new Date(acceptedAt),
  sequence: '01KJVN1XG0ABCDEFGHJKMNPQRS',
});

const drop = (path: string): MinimisationClause => ({ clause: 'hide', do: 'drop', path });

it.each([
  ['drop', true],
  ['round', false],
  ['pseudonymise', false],
])('of the envelope, the time can be dropped alone: %s', (what, may) => {
  const clause = { clause: 'when', do: what, path: '/time', ...(what === 'round' && { to: 60 }) };
  expect(minimisation.safeParse([clause]).success).toBe(may);
});

describe('drop', () => {
  it('takes the member away and leaves the given event as it was', () => {
    const given = event({ co2: 900, teacher: 'X' });
    expect(minimise(given, [drop('/data/teacher')], undefined).data).toEqual({ co2: 900 });
    expect(given.data).toEqual({ co2: 900, teacher: 'X' });
  });

  it('reads ~0 and ~1 as RFC 6901 says, and * as each element or member', () => {
    const given = event({ 'a/b': 1, 'm~n': 2, rooms: [{ name: 'A', co2: 1 }, { name: 'B' }] });
    const clauses = [drop('/data/a~1b'), drop('/data/m~0n'), drop('/data/rooms/*/name')];
    expect(minimise(given, clauses, undefined).data).toEqual({ rooms: [{ co2: 1 }, {}] });
  });

  it('takes all of data, the subject and the time', () => {
    const given = event({ a: 1 }, { subject: 'room-1', time: '2026-03-01T10:00:00.123Z' });
    const bare = minimise(given, [drop('/data'), drop('/subject'), drop('/time')], undefined);
    expect(Object.keys(bare)).toEqual(['specversion', 'id', 'source', 'type']);
  });

  it('never leaves a dropped path behind, whatever the nesting, arrays and escapes', () => {
    const key = fc.constantFrom('a', 'b', 'a/b', 'm~n', '*', '0', '1', '__proto__', 'constructor', '');
    const { data } = fc.letrec((tie) => ({
      data: fc.oneof(
        { depthSize: 'medium', withCrossShrink: true },
        fc.constantFrom(1, 'x', null, true),
        fc.array(tie('data'), { maxLength: 3 }),
        fc.array(fc.tuple(key, tie('data')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
      ),
    }));
    const path = fc.array(fc.oneof(key, fc.constant('*')), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(data, path, (value, tokens) => {
        const pointer = `/data${tokens.map((token) => `/${pointerToken(token)}`).join('')}`;
        const result = minimise(event(value), [drop(pointer)], undefined);
        // Removing elements by number makes others move up: what was there is told by identity, so count instead.
        const numbered = tokens.some((token) => /^\d+$/.test(token));
        if (!numbered) expect(reach(result.data, tokens)).toEqual([]);
        else expect(count(result.data)).toBeLessThanOrEqual(count(value));
      }),
      { numRuns: 2000 },
    );
  });
});

/** Every value at the path, by a way of finding of its own. */
function reach(value: unknown, [token, ...rest]: string[]): unknown[] {
  if (token === undefined) return [value];
  if (typeof value !== 'object' || value === null) return [];
  const names = token === '*' ? Object.keys(value) : Object.keys(value).filter((name) => name === token);
  return names.flatMap((name) => reach((value as Record<string, unknown>)[name], rest));
}

const count = (value: unknown): number =>
  typeof value === 'object' && value !== null
    ? Object.values(value).reduce((sum: number, one) => sum + count(one), 1)
    : 1;

describe('round', () => {
  const round = (path: string, to: number): MinimisationClause => ({
    clause: 'coarse',
    do: 'round',
    path,
    to,
  });

  it('rounds numbers to a multiple, and drops what cannot be made coarser', () => {
    const result = minimise(
      event({ co2: 1234, name: 'X', list: [12, 17] }),
      [round('/data/*', 10)],
      undefined,
    );
    expect(result.data).toEqual({ co2: 1230, list: [10, 20] });
  });

  it('rounds a GeoJSON position to a grid of metres, and a bbox goes', () => {
    const location = {
      type: 'Point',
      coordinates: [-1.15114, 46.16033],
      bbox: [-1.15114, 46.16033, -1.15114, 46.16033],
    };
    const result = minimise(event({ location }), [round('/data/location', 1000)], undefined);
    const { coordinates, ...rest } = (result.data as { location: { coordinates: number[] } }).location;
    expect(rest).toEqual({ type: 'Point' });
    const metres =
      Math.hypot((coordinates[0] as number) + 1.15114, (coordinates[1] as number) - 46.16033) * 111_320;
    expect(metres).toBeLessThan(1000);
    expect(coordinates).not.toEqual(location.coordinates);
  });

  it('gives all points of a cell the same answer: never a finer cell than agreed', () => {
    const near = fc.record({
      lon: fc.double({ min: -179, max: 179, noNaN: true }),
      lat: fc.double({ min: -84, max: 84, noNaN: true }),
    });
    fc.assert(
      fc.property(near, fc.integer({ min: 10, max: 10_000 }), ({ lon, lat }, metres) => {
        const clause = [round('/data/coordinates', metres)];
        const once = minimise(event({ coordinates: [lon, lat] }), clause, undefined).data;
        const twice = minimise(event(once), clause, undefined).data;
        const [a, b] = [once, twice].map((data) => (data as { coordinates: number[] }).coordinates);
        for (const index of [0, 1]) expect(a?.[index]).toBeCloseTo(b?.[index] as number, 5);
      }),
    );
  });
});

describe('pseudonymise', () => {
  const clauses: MinimisationClause[] = [
    { clause: 'who', do: 'pseudonymise', path: '/data/badge', rotate: 'P1D' },
  ];
  const given = event({ badge: 'B-17' }, { subject: 'pupil-3' });
  const badge = (result: CloudEvent) => (result.data as { badge: string }).badge;

  it('is stable within a contract and a period', () => {
    expect(minimise(given, clauses, scope('ctr_1'))).toEqual(
      minimise(given, clauses, scope('ctr_1', '2026-03-01T23:59:59Z')),
    );
  });

  it('changes with the period', () => {
    expect(badge(minimise(given, clauses, scope('ctr_1', '2026-03-02T00:00:00Z')))).not.toBe(
      badge(minimise(given, clauses, scope('ctr_1'))),
    );
  });

  it('replaces id and subject too, so that two consumers cannot join', () => {
    const [one, other] = [minimise(given, clauses, scope('ctr_1')), minimise(given, clauses, scope('ctr_2'))];
    for (const name of ['id', 'subject'] as const) {
      expect(one[name]).not.toBe(given[name]);
      expect(one[name]).not.toBe(other[name]);
    }
    expect(badge(one)).not.toBe(badge(other));
    expect(JSON.stringify([one, other])).not.toMatch(/B-17|pupil-3/);
  });
});

it('reads the tokens of a pointer', () => {
  expect(tokensOf('/data/a~1b/m~0n/~01')).toEqual(['data', 'a/b', 'm~n', '~1']);
});
