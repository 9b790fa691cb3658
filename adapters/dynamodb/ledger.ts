import type { AppendResult, Clock, Ledger } from '../../domain/ports.ts';
import { inParallel } from '../batches.ts';
import { appendTogether, transactionsOf } from './append.ts';
import { eraseRow, isTombstone, removeRow } from './ledger-erase.ts';
import { getRows, hasExpired, type Table, textOf } from './batch.ts';
import { history } from './history.ts';
import { entryOfRow } from './ledger-row.ts';

const TRANSACTIONS_AT_ONCE = 5;
const DELETES_AT_ONCE = 16;

/** The ledger in DynamoDB: conditional puts in transactions, and an index by time. */
export function dynamoLedger(options: Table & { clock?: Clock }): Ledger {
  const clock = options.clock ?? (() => new Date());
  return {
    async append(entries) {
      const results = entries.map((): AppendResult => 'failed');
      await inParallel(TRANSACTIONS_AT_ONCE, transactionsOf(entries), (pending) =>
        appendTogether(options, clock, pending, results),
      );
      return results;
    },

    async read(keys, now) {
      const rows = await getRows(
        options,
        [...new Set(keys)].map((key) => ({ key: { S: key } })),
      );
      const found = new Map(
        rows
          .filter((row) => !hasExpired(row, now) && !isTombstone(row))
          .map((row) => [textOf(row, 'key'), row]),
      );
      return keys.map((key) => {
        const row = found.get(key);
        return row && entryOfRow(row);
      });
    },

    history: (dataset, from, to) => history(options, dataset, from, to),

    async place(key, now) {
      const [row] = await getRows(options, [{ key: { S: key } }]);
      if (!row || hasExpired(row, now)) return undefined;
      const payload = row['payload']?.S;
      const [sequence, type] = [textOf(row, 'sequence'), textOf(row, 'type')];
      return { sequence, type, erased: isTombstone(row), ...(payload !== undefined && { payload }) };
    },

    erase: (key, sequence) => eraseRow(options, key, sequence),

    async remove(places) {
      const gone = await inParallel(DELETES_AT_ONCE, places, (place) => removeRow(options, place));
      const rows = gone.filter((row) => row !== undefined);
      return { removed: rows.length, payloads: rows.flatMap((row) => row['payload']?.S ?? []) };
    },
  };
}
