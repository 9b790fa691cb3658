import fc from 'fast-check';
import { createHmac } from 'node:crypto';
import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { minimise } from '../../../domain/deliver/minimise.ts';
import {
  deliveredId,
  deliveredSequence,
  pseudonymsOf,
  sequenceOf,
} from '../../../domain/deliver/pseudonym.ts';
import { minimised } from '../../../domain/deliver/wire.ts';
import { given } from '../../given.ts';

const key = Buffer.alloc(32, 7);
const sequence = fc
  .array(fc.constantFrom(...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'), { minLength: 25, maxLength: 25 })
  .chain((rest) => fc.constantFrom(...'01234567').map((first) => first + rest.join('')));
const contract = fc.constantFrom('ctr_1', 'ctr_2');

describe('the id that a contract delivers', () => {
  it('is read back by the mesh, by nobody else’s contract, and shows nothing of the sequence', () => {
    fc.assert(
      fc.property(sequence, contract, (one, of) => {
        const id = deliveredId({ key, contract: of, sequence: one });
        expect(id).toMatch(/^ps_[\w-]{22}$/);
        expect(sequenceOf({ key, contract: of }, id)).toBe(one);
        expect(sequenceOf({ key, contract: 'ctr_3' }, id)).not.toBe(one);
        expect(sequenceOf({ key: Buffer.alloc(32, 8), contract: of }, id)).not.toBe(one);
      }),
    );
  });

  it('is another one for each event and contract', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(sequence, contract), { selector: String, maxLength: 30 }),
        (events) => {
          const ids = events.map(([one, of]) => deliveredId({ key, contract: of, sequence: one }));
          expect(new Set(ids).size).toBe(ids.length);
        },
      ),
    );
  });

  it.each([
    '',
    'ps_',
    'ps_abc',
    `ps_${'a'.repeat(22)}b`,
    `ps_${'a'.repeat(21)}b`,
    `xx_${'a'.repeat(22)}`,
    'event-1',
  ])('is not %s', (text) => {
    expect(sequenceOf({ key, contract: 'ctr_1' }, text)).toBeUndefined();
  });
});

it('the delivered sequence sorts by the same millisecond, and is each contract’s own', () => {
  fc.assert(
    fc.property(sequence, (one) => {
      const seen = ['ctr_1', 'ctr_2'].map((of) => deliveredSequence({ key, contract: of, sequence: one }));
      for (const text of seen) expect(text).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
      expect(seen.map((text) => text.slice(0, 10))).toEqual([one.slice(0, 10), one.slice(0, 10)]);
      expect(new Set([one, ...seen]).size).toBe(3);
    }),
  );
});

it('a pseudonym is 128 bits of the HMAC-SHA256 (RFC 2104) that node:crypto makes, however long its value', () => {
  const make = pseudonymsOf((period) => `/data/rider ${period}`);
  fc.assert(
    fc.property(contract, fc.nat(3), fc.string({ unit: 'binary', maxLength: 400 }), (of, period, value) => {
      const scope = { key, contract: of, acceptedAt: new Date(0), sequence: ulid(0) };
      const own = createHmac('sha256', key).update(`${of} /data/rider ${period}`).digest();
      const mac = createHmac('sha256', own).update(value).digest().subarray(0, 16);
      expect(make(scope, period, value)).toBe(`ps_${mac.toString('base64url')}`);
    }),
  );
});

describe('what two consumers with pseudonyms got', () => {
  const clauses = [{ clause: 'who', do: 'pseudonymise', path: '/data/room', rotate: 'P1D' }] as const;
  const seenBy = (of: string) => {
    const agreed = given.contract({ id: of, terms: { minimisation: [...clauses] } });
    const event = given.event({
      subject: 'room 12',
      data: { room: 'B12', co2: 1 },
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      partitionkey: 'B12',
    });
    const routed = { key: 'k', sequence: ulid(0), dataset: 'school-air', schemaVersion: 1, event };
    const sealer = { derive: () => Promise.resolve(key) };
    return minimised({ sealer }, routed, { contract: agreed });
  };

  it('has no attribute in common that tells which event or whom, extensions included', async () => {
    const [one, other] = [await seenBy('ctr_1'), await seenBy('ctr_2')];
    for (const name of ['id', 'subject', 'sequence']) expect(one[name]).not.toEqual(other[name]);
    expect(one).not.toHaveProperty('traceparent');
    expect(one).not.toHaveProperty('partitionkey');
    expect(JSON.stringify(one)).not.toContain('B12');
  });
});

it('a drop of several elements by number takes those, and no others', () => {
  const event = given.event({ data: { list: ['a', 'b', 'c', 'd'] } });
  const drops = [0, 1, 3].map((at) => ({ clause: `c${at}`, do: 'drop', path: `/data/list/${at}` }) as const);
  expect(minimise(event, drops, undefined).data).toEqual({ list: ['c'] });
});
