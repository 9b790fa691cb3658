import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, digestOf } from '../../events/canonical.ts';
import { eventKey } from '../../events/key.ts';
import { sealEvent } from '../../events/seal.ts';
import { cloudEvent } from './arbitrary.ts';

const now = new Date('2026-11-23T08:00:00.123Z');

describe('canonical JSON', () => {
  it('is what the RFC 8785 library writes, for any JSON', () => {
    const names = fc.oneof(
      fc.string(),
      fc.constantFrom('10', '9', '1', 'a', '__proto__', '', '\u20ac', '\ufb33', '😀'),
    );
    const value = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, depthSize: 'medium' },
        fc.constant(null),
        fc.boolean(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.string({ unit: 'binary' }),
        fc.constantFrom(String.raw`\ud800`, String.raw`\\udfff`, '\u2028'),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(names, tie('value'), { maxKeys: 6 }),
      ),
    })).value;
    fc.assert(
      fc.property(value, (any) => {
        const json = JSON.parse(JSON.stringify(any)) as unknown;
        expect(canonicalJson(json)).toBe(canonicalize(json));
      }),
      { numRuns: 500 },
    );
  });
  it('sorts many members too', () => {
    const many = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [`m${(index * 7919) % 300}`, index]),
    );
    expect(canonicalJson(many)).toBe(canonicalize(many));
  });
  it('writes the number and name examples of RFC 8785', () => {
    expect(
      canonicalJson(
        JSON.parse('{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001,-0]}'),
      ),
    ).toBe('{"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0]}');
    expect(
      canonicalJson(
        JSON.parse(String.raw`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`),
      ),
    ).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
  });
  it.each([['\ud800'], [{ '\udfff': 1 }], [[Number.NaN]], [{ a: Number.POSITIVE_INFINITY }], [undefined]])(
    'there is none of %j',
    (value) => {
      expect(() => canonicalJson(value)).toThrow();
    },
  );
});

describe('sealing', () => {
  const given = {
    specversion: '1.0' as const,
    id: '1',
    source: '',
    type: 't',
    traceparent: '00-1',
    subject: 'é',
    data: { b: 1, a: [2] },
  };
  it('fills in source and time, and leaves that time out of the digest', () => {
    const { body, digest, event } = sealEvent(given, { source: '//t/p', now });
    expect(body).toBe(
      '{"data":{"a":[2],"b":1},"id":"1","source":"//t/p","specversion":"1.0","subject":"é","time":"2026-11-23T08:00:00.123Z","traceparent":"00-1","type":"t"}',
    );
    const bare = body.replace('"time":"2026-11-23T08:00:00.123Z",', '');
    expect(digest).toBe(createHash('sha256').update(bare).digest('hex'));
    expect(JSON.parse(body)).toEqual(event);
    expect(sealEvent(given, { source: '//t/p', now: new Date(0) }).digest).toBe(digest);
  });
  it('keeps a time and a source that were given', () => {
    const event = { ...given, source: '//t/p/room', time: '2020-01-01T00:00:00+01:00' };
    const sealed = sealEvent(event, { source: '//t/p', now });
    expect(sealed).toEqual({ event, body: canonicalJson(event), digest: digestOf(canonicalJson(event)) });
  });
  it('writes canonical JSON of the event, whatever the order of its members', () => {
    fc.assert(
      fc.property(cloudEvent, (event) => {
        const sealed = sealEvent(event, { source: '//t/p', now });
        const turned = Object.fromEntries(Object.entries(event).toReversed()) as typeof event;
        expect(sealed.body).toBe(canonicalize(sealed.event));
        expect(sealEvent(turned, { source: '//t/p', now })).toEqual(sealed);
      }),
    );
  });
});

describe('the key of an event', () => {
  it('is 43 characters of base64url, the same for the same triple', () => {
    expect(eventKey('air', '//t/p', '1')).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(eventKey('air', '//t/p', '1')).toBe(eventKey('air', '//t/p', '1'));
  });
  it('differs wherever dataset, source and id are cut', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.nat(), fc.nat(), fc.nat(), (text, a, b, c, d) => {
        const cut = (x: number, y: number): [string, string, string] => {
          const [from, to] = [x % (text.length + 1), y % (text.length + 1)].sort((p, q) => p - q) as [
            number,
            number,
          ];
          return [text.slice(0, from), text.slice(from, to), text.slice(to)];
        };
        const [one, other] = [cut(a, b), cut(c, d)];
        expect(eventKey(...one) === eventKey(...other)).toBe(
          one.join('\u0000') === other.join('\u0000') && one[0].length === other[0].length,
        );
      }),
    );
  });
});
