import type { Clock, Registry } from '../../domain/ports.ts';
import type { Table } from './batch.ts';
import { listPage } from './lists.ts';
import { dynamoRecords } from './records.ts';

/** The registry in DynamoDB, with its lists; the functions of the flow take `dynamoRecords` alone. */
export function dynamoRegistry(options: Table & { clock?: Clock }): Registry {
  const clock = options.clock ?? (() => new Date());
  return {
    ...dynamoRecords({ ...options, clock }),
    list: (listing, by, page) => listPage(options, clock(), listing, by, page),
  };
}
