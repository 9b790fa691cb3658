/** A price as data: USD for one unit, and the page that says so. */
export interface Price {
  usd: number;
  unit: string;
  page: string;
}

/** When these prices were looked up. */
export const PRICES_OF = '2026-11-25';

/**
 * What AWS asks in Paris (eu-west-3), without free tiers. Where only another region's price was found, the unit says so.
 * A unit of writing costs five units of reading, there as everywhere.
 */
export const PRICES = {
  restRequest: {
    usd: 3.5e-6,
    unit: 'REST request (Ireland)',
    page: 'https://docs.aws.amazon.com/whitepapers/latest/best-practices-api-gateway-private-apis-integration/cost-optimization.html',
  },
  lambdaRequest: { usd: 0.2e-6, unit: 'invocation', page: 'https://aws.amazon.com/lambda/pricing/' },
  lambdaGbSecond: { usd: 13.3334e-6, unit: 'GB-s (ARM)', page: 'https://aws.amazon.com/lambda/pricing/' },
  writeUnit: {
    usd: 0.7425e-6,
    unit: 'write unit',
    page: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
  },
  readUnit: {
    usd: 0.1485e-6,
    unit: 'read unit',
    page: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
  },
  customEvent: {
    usd: 1e-6,
    unit: 'custom event of 64 KB',
    page: 'https://cloudburn.io/blog/amazon-eventbridge-pricing',
  },
  fairRequest: {
    usd: 0.5e-6,
    unit: 'request of a fair queue (N. Virginia)',
    page: 'https://cloudburn.io/blog/amazon-sqs-pricing',
  },
  logGb: { usd: 0.5985, unit: 'GB of logs', page: 'https://aws.amazon.com/cloudwatch/pricing/' },
  transferGb: {
    usd: 0.09,
    unit: 'GB to the internet',
    page: 'https://blog.easecloud.io/cost-optimization/reduce-api-gateway-dynamodb-costs/',
  },
} as const satisfies Record<string, Price>;

/** What another service asks, as far as somebody could read it. */
export interface Peer {
  name: string;
  /** USD for a month in which nothing happens. */
  idle: string;
  /** USD for a million events at a fan-out; undefined where nothing was found. */
  perMillion: (fanOut: number) => number | undefined;
  remark: string;
  page: string;
}

/** List prices of others, with the day on which the page was read. */
export const PEERS: Peer[] = [
  {
    name: 'EventBridge bus and API destinations',
    idle: '0',
    perMillion: (fanOut) => 1 + 0.2 * fanOut,
    remark:
      '1.00 a million events and 0.20 a million calls (N. Virginia, March 2026); no contracts, no ledger',
    page: 'https://cloudburn.io/blog/amazon-eventbridge-pricing',
  },
  {
    name: 'EventBridge Pipes and API destinations',
    idle: '0',
    perMillion: (fanOut) => (0.4 + 0.2) * fanOut,
    remark: 'one pipe for each destination, its source not counted; no contracts, no ledger',
    page: 'https://cloudburn.io/blog/amazon-eventbridge-pricing',
  },
  {
    name: 'Svix, Professional',
    idle: '490',
    perMillion: (fanOut) => (fanOut === 1 ? 100 : undefined),
    remark: '0.0001 a message beyond 50 000, read 2026-09-20; how fan-out counts is not said there',
    page: 'https://www.svix.com/pricing/',
  },
  {
    name: 'Hookdeck, Growth',
    idle: '499',
    perMillion: () => undefined,
    remark: 'metered beyond 10 000 events at a price that the page computes, read 2026-09-20',
    page: 'https://hookdeck.com/pricing',
  },
  {
    name: 'Convoy Cloud, Pro',
    idle: '99',
    perMillion: () => undefined,
    remark: 'told by others only (May 2026); no price by event was found',
    page: 'https://github.com/api-evangelist/convoy',
  },
];
