import type { Call } from '../chaos/proxy.ts';
import type { Row } from '../adapters/dynamodb/batch.ts';
import type { Names } from '../infra/names.ts';

/** What was counted of the calls of so many events, in the units that AWS bills. */
export interface Counted {
  events: number;
  writeUnits: number;
  readUnits: number;
  customEvents: number;
  /** Requests that functions send to queues. */
  queueRequests: number;
  /** Batches that `deliver` recorded, one an invocation. */
  deliverBatches: number;
  /** Bytes of the events that were put on the bus. */
  eventBytes: number;
}

/** Nothing counted yet, of so many events. */
export const noCalls = (events: number): Counted => ({
  events,
  writeUnits: 0,
  readUnits: 0,
  customEvents: 0,
  queueRequests: 0,
  deliverBatches: 0,
  eventBytes: 0,
});

/** The requests, as far as they are billed. */
interface Asked {
  TransactItems?: { Put?: { TableName: string; Item: Row } }[];
  TableName?: string;
  Item?: Row;
  RequestItems?: Record<string, { Keys?: Row[] } | { PutRequest?: { Item: Row } }[]>;
  Entries?: { Detail?: string }[];
}

const KILOBYTE = 1024;
const BUS_UNIT = 64 * KILOBYTE;

/** Adds a call, by the rules of DynamoDB's and EventBridge's pricing pages. */
export function countCall(counted: Counted, { action, body }: Call, names: Names): void {
  // Safe: the functions' own clients made it.
  RULES[action]?.(counted, JSON.parse(body.toString() || '{}') as Asked, names);
}

type Rule = (counted: Counted, asked: Asked, names: Names) => void;

const written = (names: Names, table: string, item: Row): number =>
  unitsOf(item) + indexUnits(names, table, item);
const readsOne: Rule = (counted) => void (counted.readUnits += 1);
const sends: Rule = (counted) => void (counted.queueRequests += 1);

const RULES: Record<string, Rule> = {
  TransactWriteItems(counted, { TransactItems = [] }, names) {
    for (const { Put } of TransactItems)
      // A transaction costs its items twice, their indexes once.
      if (Put) counted.writeUnits += unitsOf(Put.Item) + written(names, Put.TableName, Put.Item);
  },
  PutItem(counted, { TableName = '', Item = {} }, names) {
    counted.writeUnits += written(names, TableName, Item);
  },
  BatchWriteItem(counted, { RequestItems = {} }, names) {
    for (const [table, writes] of Object.entries(RequestItems)) {
      if (table === names.deliveries) counted.deliverBatches += 1;
      for (const { PutRequest } of Array.isArray(writes) ? writes : [])
        if (PutRequest) counted.writeUnits += written(names, table, PutRequest.Item);
    }
  },
  BatchGetItem(counted, { RequestItems = {} }) {
    for (const reads of Object.values(RequestItems))
      counted.readUnits += Array.isArray(reads) ? 0 : (reads.Keys?.length ?? 0);
  },
  GetItem: readsOne,
  Query: readsOne,
  PutEvents(counted, { Entries = [] }) {
    for (const { Detail = '' } of Entries) {
      counted.customEvents += Math.max(1, Math.ceil(Buffer.byteLength(Detail) / BUS_UNIT));
      counted.eventBytes += Buffer.byteLength(Detail);
    }
  },
  SendMessage: sends,
  SendMessageBatch: sends,
};

/** A unit for each kilobyte begun; names and values count. */
function unitsOf(item: Row): number {
  const bytes = Object.entries(item).reduce((sum, [name, value]) => {
    const [text] = Object.values(value) as unknown[];
    return sum + name.length + Buffer.byteLength(typeof text === 'string' ? text : JSON.stringify(text));
  }, 0);
  return Math.max(1, Math.ceil(bytes / KILOBYTE));
}

/** The ledger's index by time holds keys only, the deliveries' listing all of an item, what is due again keys. */
function indexUnits({ ledger, deliveries }: Names, table: string, item: Row): number {
  if (table === ledger) return 1;
  if (table !== deliveries) return 0;
  return ('lane' in item ? unitsOf(item) : 0) + ('dueLane' in item ? 1 : 0);
}
