import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCloudEvent } from '../../events/envelope.ts';
import { cloudEvent } from './arbitrary.ts';

const fixtures = new URL('../fixtures/cloudevents/', import.meta.url);
const load = (name: string): unknown => JSON.parse(readFileSync(new URL(name, fixtures), 'utf8'));
const minimal = { specversion: '1.0', id: '1', source: '/s', type: 't' };
const faultsOf = (input: unknown): { path: string; message: string }[] => {
  const result = readCloudEvent(input);
  return 'faults' in result ? result.faults : [];
};
const pathsOf = (input: unknown): string[] => faultsOf(input).map(({ path }) => path);

describe('the JSON format cases of the Java SDK', () => {
  const refused: Record<string, string[]> = {
    'fail_numeric_long.json': ['/long'],
    'json_data_with_ext_upper_case.json': ['/aString', '/aBoolean', '/aNumber'],
  };
  const names = readdirSync(new URL('json-format/', fixtures));
  it('has them all', () => expect(names).toHaveLength(11));
  it.each(names)('%s', (name) => {
    const input = load(`json-format/${name}`);
    const wrong = refused[name];
    if (wrong) return expect(pathsOf(input)).toEqual(wrong);
    const { data_base64: base64, ...rest } = input as Record<string, unknown>;
    const decoded =
      name === 'base64_json_data.json' ? { data: {} } : base64 === undefined ? {} : { data_base64: base64 };
    return expect(readCloudEvent(input)).toEqual({ event: { ...rest, ...decoded } });
  });
  it.each([
    ['fail_numeric_decimal', { ...minimal, decimal: 42.42 }, ['/decimal']],
    ['json_data_with_ext_invalid', { ...minimal, a_invalid_name: 'x' }, ['/a_invalid_name']],
    ['min_subject_null', { ...minimal, subject: null }, []],
    ['json_data_with_fractional_time', { ...minimal, time: '2018-04-26T14:48:09.1234Z' }, []],
  ])('%s, as the SDK has it beside them', (_, input, wrong) => expect(pathsOf(input)).toEqual(wrong));
});

describe('the examples of the JSON event format', () => {
  const examples = (load('spec-json-format-examples.json') as unknown[]).flat();
  it.each(examples.map((example, index) => [index, example] as const))('example %i', (_, example) => {
    // Two examples write "... base64 encoded string ..." where Base64 belongs.
    const placeholder = JSON.stringify(example).includes('base64 encoded string');
    expect(pathsOf(example)).toEqual(placeholder ? ['/data_base64'] : []);
  });
});

describe('attributes', () => {
  it('are all judged at once', () => {
    expect(
      pathsOf({
        specversion: '0.3',
        id: '',
        source: 'a b',
        time: 'now',
        dataschema: 'x',
        datacontenttype: 'json',
        subject: '',
      }),
    ).toEqual([
      '/specversion',
      '/id',
      '/source',
      '/time',
      '/dataschema',
      '/datacontenttype',
      '/subject',
      '/type',
    ]);
  });
  it.each([[null], [[]], ['text'], [1], [undefined]])('of %j are none', (input) => {
    expect(faultsOf(input)).toEqual([{ path: '', message: 'must be a JSON object' }]);
  });
  it.each(['specversion', 'id', 'type'])('%s is required, null being absence', (name) => {
    expect(faultsOf({ ...minimal, [name]: null })).toEqual([{ path: `/${name}`, message: 'is required' }]);
  });
  it('source may be left out, but not be empty', () => {
    const { source, ...rest } = minimal;
    expect(readCloudEvent(rest)).toEqual({ event: { ...rest, source: '' } });
    expect(readCloudEvent({ ...rest, source: null })).toEqual({ event: { ...rest, source: '' } });
    expect(pathsOf({ ...rest, source: '' })).toEqual(['/source']);
    expect(source).toBe('/s');
  });
  it('that are null are absent', () => {
    expect(readCloudEvent({ ...minimal, subject: null, anything: null })).toEqual({ event: minimal });
  });
  it.each([
    ['id', 'x'.repeat(256), true],
    ['id', 'x'.repeat(257), false],
    ['id', 1, false],
    ['id', 'été 😀', true],
    ['id', 'a\nb', false],
    ['id', '\u0085', false],
    ['id', '\ud800', false],
    ['id', '\ufffe', false],
    ['type', 'x'.repeat(129), false],
    ['source', 'https://example.com:8080/a?b#c', true],
    ['source', 'mailto:a@b', true],
    ['source', '//la-rochelle/atmo', true],
    ['source', '1:b', false],
    ['source', 'a%2', false],
    ['source', 'été', false],
    ['source', 'http://[::1]/', true],
    ['source', 'a#b#c', false],
    ['dataschema', '/relative', false],
    ['dataschema', 'urn:x:y', true],
    ['datacontenttype', 'text/plain; charset="utf-8"', true],
    ['datacontenttype', 'text', false],
    ['time', '2024-02-29T00:00:00Z', true],
    ['time', '2023-02-29T00:00:00Z', false],
    ['time', '2000-02-29T00:00:00Z', true],
    ['time', '1900-02-29T00:00:00Z', false],
    ['time', '2023-04-31T00:00:00Z', false],
    ['time', '1990-12-31T23:59:60Z', true],
    ['time', '1990-12-31T15:59:60-08:00', true],
    ['time', '1990-12-31T22:59:60Z', false],
    ['time', '2023-01-01T24:00:00Z', false],
    ['time', '2023-01-01T00:00:00', false],
    ['time', '2023-01-01', false],
    ['time', '2023-01-01t00:00:00z', true],
    ['flag', true, true],
    ['flag', '', true],
    ['flag', 2147483647, true],
    ['flag', -2147483648, true],
    ['flag', 2147483648, false],
    ['flag', 1.5, false],
    ['flag', {}, false],
    ['flag', [], false],
    ['UP', 'x', false],
    ['__proto__', 'x', false],
  ])('%s of %j: %s', (name, value, good) => {
    const input = JSON.parse(
      `{"specversion":"1.0","id":"1","source":"/s","type":"t",${JSON.stringify(name)}:${JSON.stringify(value)}}`,
    ) as unknown;
    expect(pathsOf(input)).toEqual(good ? [] : [`/${name}`]);
  });
});

describe('data', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  it('may be null, which is not absence', () => {
    expect(readCloudEvent({ ...minimal, data: null })).toEqual({ event: { ...minimal, data: null } });
    expect(readCloudEvent({ ...minimal, data: null, subject: null })).toEqual({
      event: { ...minimal, data: null },
    });
  });
  it('stands in one form only', () => {
    expect(pathsOf({ ...minimal, data: null, data_base64: 'AA==' })).toEqual(['/data_base64']);
    expect(readCloudEvent({ ...minimal, data: 1, data_base64: null })).toEqual({
      event: { ...minimal, data: 1 },
    });
  });
  it.each(['AA', 'A===', 'AA=A', '....', 5])('%j is not Base64', (value) => {
    expect(pathsOf({ ...minimal, data_base64: value })).toEqual(['/data_base64']);
  });
  it('in Base64 is decoded when it is JSON by its media type, and only then', () => {
    const typed = { ...minimal, datacontenttype: 'application/vnd.api+json' };
    expect(readCloudEvent({ ...typed, data_base64: base64('{"a":1}') })).toEqual({
      event: { ...typed, data: { a: 1 } },
    });
    expect(faultsOf({ ...typed, data_base64: base64('{"a":\n 1,}') })).toEqual([
      { path: '/data_base64', message: expect.stringContaining('line 2, column 4') as string },
    ]);
    const untyped = { ...minimal, data_base64: base64('{"a":1}') };
    expect(readCloudEvent(untyped)).toEqual({ event: untyped });
  });
  it('is a string when its media type is not JSON', () => {
    expect(pathsOf({ ...minimal, datacontenttype: 'text/xml', data: {} })).toEqual(['/data']);
    expect(pathsOf({ ...minimal, datacontenttype: 'text/xml', data: '<a/>' })).toEqual([]);
  });
  it('is not parsed again when it is a string', () => {
    expect(readCloudEvent({ ...minimal, data: '{"a":1}' })).toEqual({
      event: { ...minimal, data: '{"a":1}' },
    });
  });
  it('must be JSON that can be told again', () => {
    const data = JSON.parse(String.raw`{"a/b":["\ud800", 1e999], "\udfff": 1, "good": "\\ud800"}`) as unknown;
    expect(pathsOf({ ...minimal, data })).toEqual(['/data/a~1b/0', '/data/a~1b/1', '/data']);
  });
  it('may be nested to a hundred levels, without ever overflowing the stack', () => {
    const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    expect(pathsOf({ ...minimal, data: nested(100) })).toEqual([]);
    expect(faultsOf({ ...minimal, data: nested(50_000) })).toHaveLength(1);
  });
});

it('answers any input with an event or faults, never with an exception', () => {
  fc.assert(
    fc.property(
      fc.anything({ maxDepth: 2 }),
      fc.dictionary(fc.constantFrom('id', 'type', 'time', 'data', 'data_base64', 'x'), fc.jsonValue()),
      (any, members) => {
        for (const input of [any, { ...minimal, ...members }]) {
          const result = readCloudEvent(input);
          expect('faults' in result ? result.faults.length : 1).toBeGreaterThan(0);
        }
      },
    ),
  );
});

it('reads a valid event as it is', () => {
  fc.assert(fc.property(cloudEvent, (event) => void expect(readCloudEvent(event)).toEqual({ event })));
});
