import { PEERS, PRICES, PRICES_OF, type Price } from './prices.ts';
import type { Counted } from './units.ts';

const MILLION = 1_000_000;
const BATCH = 100;
const GB = 1e9;

/** What is not counted, but assumed: production's own figures take its place once there are some. */
const ASSUMED = {
  /** Seconds of an invocation, waiting for AWS included; a receiver answers within 0.1 s. */
  publishSeconds: 0.06,
  routeSeconds: 0.1,
  deliverSeconds: 0.15,
  /** GB of memory, as the steps declare. */
  publishGb: 1,
  routeGb: 0.5,
  deliverGb: 1,
  /** What a request adds to the event's own bytes: headers and signature. */
  requestBytes: 1000,
  /** A function's one log line. */
  logBytes: 600,
};

/** One line of a bill: how much of what a million events take. */
interface Line {
  what: string;
  quantity: number;
  price: Price;
}

/** What a million events cost at a fan-out, in USD. */
export interface Bill {
  fanOut: number;
  lines: Line[];
  total: number;
}

/** Prices what was counted, for a million events. */
export function billOf(counted: Counted, fanOut: number): Bill {
  const per = MILLION / counted.events;
  const requests = MILLION / BATCH;
  const deliveries = MILLION * fanOut;
  const batches = counted.deliverBatches * per;
  const { publishSeconds, publishGb, routeSeconds, routeGb, deliverSeconds, deliverGb } = ASSUMED;
  const seconds =
    requests * (publishSeconds * publishGb + routeSeconds * routeGb) + batches * deliverSeconds * deliverGb;
  const sent = (counted.eventBytes / counted.events + ASSUMED.requestBytes) * deliveries;
  const lines: Line[] = [
    { what: 'API Gateway, one request for 100 events', quantity: requests, price: PRICES.restRequest },
    { what: 'DynamoDB, written', quantity: counted.writeUnits * per, price: PRICES.writeUnit },
    { what: 'DynamoDB, read', quantity: counted.readUnits * per, price: PRICES.readUnit },
    { what: 'EventBridge', quantity: counted.customEvents * per, price: PRICES.customEvent },
    {
      what: 'SQS, each delivery put alone, taken and removed in batches',
      quantity: deliveries + 2 * batches + counted.queueRequests * per,
      price: PRICES.fairRequest,
    },
    { what: 'Lambda, invocations', quantity: 2 * requests + batches, price: PRICES.lambdaRequest },
    { what: 'Lambda, duration (assumed)', quantity: seconds, price: PRICES.lambdaGbSecond },
    {
      what: 'Logs',
      quantity: ((2 * requests + batches) * ASSUMED.logBytes) / GB,
      price: PRICES.logGb,
    },
    { what: 'Transfer to receivers on the internet', quantity: sent / GB, price: PRICES.transferGb },
  ];
  return { fanOut, lines, total: lines.reduce((sum, { quantity, price }) => sum + quantity * price.usd, 0) };
}

/** Small units are bought by the million. */
const priceOf = ({ usd: each }: Price): string =>
  each < 0.01 ? `${usd(each * MILLION)} USD a million` : `${usd(each)} USD`;
const usd = (value: number): string => value.toFixed(2);
const amount = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(2);
const rowOf = (...cells: string[]): string => `| ${cells.join(' | ')} |`;

/** The page: the bill line by line, its assumptions, and what others ask. */
export function costPage(bills: Bill[], measured: string): string {
  const fanOuts = bills.map(({ fanOut }) => `fan-out ${fanOut}`);
  const lines = (bills[0]?.lines ?? []).map(({ what, price }, at) =>
    rowOf(
      what,
      `[${priceOf(price)}](${price.page}) × ${price.unit}`,
      ...bills.map(({ lines: all }) => {
        const { quantity = 0 } = all[at] ?? {};
        return `${usd(quantity * price.usd)} (${amount(quantity)})`;
      }),
    ),
  );
  const peers = PEERS.map(({ name, idle, perMillion, remark, page }) =>
    rowOf(
      `[${name}](${page})`,
      idle,
      ...bills.map(({ fanOut }) => {
        const price = perMillion(fanOut);
        return price === undefined ? 'unknown' : usd(price);
      }),
      remark,
    ),
  );
  const ours = rowOf('this mesh', '< 1.08', ...bills.map(({ total }) => usd(total)), 'as above');
  const heads = (...cells: string[]): string => `${rowOf(...cells)}\n${rowOf(...cells.map(() => '---'))}`;
  return `# What a million events cost

Written by \`npm run bench -- --only cost\`: ${measured}. USD, prices of ${PRICES_OF}, without free tiers; in brackets how many
units a million events take. Published in batches of ${BATCH}, events of some hundred bytes, all delivered at the first attempt.

${heads('what', 'price', ...fanOuts)}
${lines.join('\n')}
${rowOf('**together**', '', ...bills.map(({ total }) => `**${usd(total)}**`))}

Units of DynamoDB and EventBridge are counted from the functions' calls, on the wire between them and the local engine, by
the rules of the pricing pages: a kilobyte begun is a unit of writing, a transaction costs its items twice, an index what it
holds. Assumed, since a local engine cannot tell: an invocation takes ${ASSUMED.publishSeconds} s (publish),
${ASSUMED.routeSeconds} s (route) and ${ASSUMED.deliverSeconds} s (deliver, ten deliveries to receivers that answer within
0.1 s); a request adds ${ASSUMED.requestBytes} bytes to its event; a log line has ${ASSUMED.logBytes}. Left out: what is stored
(by gigabyte and month, until the dataset's retention ends), backups, retries, and a territory's idle bill
(\`npm run price\`).

## Beside others

What their pages say, as far as they could be read; _unknown_ is what nobody could be found to say. None of them keeps a
ledger, judges a contract or minimises what is delivered.

${heads('service', 'a month at rest', ...fanOuts, 'remark')}
${ours}
${peers.join('\n')}
`;
}
