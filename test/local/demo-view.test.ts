import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createView, formatLine, type Line, lookOf, table } from '../../local/demo/view.ts';

const AT = new Date(2026, 10, 23, 8, 15, 4);
const LINE: Line = {
  what: 'delivered',
  who: 'labo-lienss',
  dataset: 'co2-ecoles',
  summary: 'CE2 1013.75 ppm CO2',
  how: 'redact: no-presence',
  ids: 'dlv_1',
};

describe('a line of the view', () => {
  test('tells time, what, who, dataset, summary, contract and ids in aligned columns', () => {
    const one = formatLine(LINE, AT, { colour: false });
    const other = formatLine({ ...LINE, what: 'sent', who: 'atmo', summary: 'x' }, AT, { colour: false });
    expect(one).toMatch(
      /^08:15:04 {2}delivered {2}labo-lienss {9}co2-ecoles {8}CE2 1013.75 ppm CO2 .* dlv_1$/,
    );
    expect(other.indexOf('redact')).toBe(one.indexOf('redact'));
  });

  test('has colours only where they are wanted, and the same text', () => {
    const coloured = formatLine(LINE, AT, { colour: true });
    expect(coloured).toContain('\x1b[32mdelivered\x1b[0m');
    expect(stripVTControlCharacters(coloured)).toBe(formatLine(LINE, AT, { colour: false }));
  });

  test.each([20, 41, 60, 100, 120, 159])('keeps within %i columns', (columns) => {
    const rows = stripVTControlCharacters(formatLine(LINE, AT, { colour: true, columns })).split('\n');
    for (const row of rows) expect(row.length).toBeLessThanOrEqual(columns);
  });

  test('on a narrow terminal has its ids on a row of their own, when there is no room', () => {
    const ids = 'dlv_01M833R4W97WYQCAR6R96VD0PE of ce2-1';
    const look = { colour: false, columns: 110 };
    expect(formatLine({ ...LINE, ids }, AT, look).split('\n')[1]).toBe(`          ${ids}`);
    expect(formatLine(LINE, AT, look)).not.toContain('\n');
    expect(formatLine({ ...LINE, ids }, AT, { colour: false, columns: 170 })).not.toContain('\n');
  });

  test('lets no control characters through that a participant published', () => {
    const text = formatLine({ ...LINE, summary: 'a\x1b[2Jb\nc\x07' }, AT, { colour: false });
    expect(text).toContain('ab c');
  });
});

test('colours need a terminal and the absence of NO_COLOR', () => {
  const write = () => true;
  expect(lookOf({ write, isTTY: true, columns: 120 }, {})).toEqual({ colour: true, columns: 120 });
  expect(lookOf({ write, isTTY: true }, { NO_COLOR: '1' }).colour).toBe(false);
  expect(lookOf({ write, columns: 120 }, {})).toEqual({ colour: false, columns: undefined });
});

test('a view counts what happened', () => {
  let text = '';
  const view = createView({ write: (more) => (text += more) }, {}, () => AT);
  view.section('Ready', ['one']);
  view.line(LINE);
  view.line(LINE);
  expect(text.split('\n').slice(0, 4)).toEqual([
    '',
    'Ready',
    '  one',
    formatLine(LINE, AT, { colour: false }),
  ]);
  expect(view.counts()).toMatchObject({ delivered: 2, published: 0 });
});

test('a table has aligned columns', () => {
  expect(
    table([
      ['a', 'bb', 'c'],
      ['aaa', 'b', 'c'],
    ]),
  ).toEqual(['a    bb  c', 'aaa  b   c']);
});
