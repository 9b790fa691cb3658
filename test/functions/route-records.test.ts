import type { DynamoDBRecord } from 'aws-lambda';
import { expect, test } from 'vitest';
import { rowOfEntry } from '../../adapters/dynamodb/ledger-row.ts';
import { readRecords } from '../../functions/route/records.ts';
import { given } from '../given.ts';

const recordOf = (row: object) => ({ eventName: 'INSERT', dynamodb: { NewImage: row } }) as DynamoDBRecord;

test('a record that cannot be read holds up no other, and is told by its key', () => {
  const [one, two] = [given.entry(), given.entry()];
  const { body: _, ...tombstone } = rowOfEntry(given.entry());
  const read = readRecords([
    recordOf(rowOfEntry(one)),
    recordOf({ ...rowOfEntry(given.entry()), key: { S: 'broken' }, body: { S: '{not json' } }),
    recordOf({ key: { S: 'bare' }, body: { S: '{}' } }),
    recordOf(tombstone),
    recordOf(rowOfEntry(two)),
  ]);
  expect(read.events.map(({ key }) => key)).toEqual([one.key, two.key]);
  expect(read.unreadable.map(({ key }) => key)).toEqual(['broken', 'bare']);
});
