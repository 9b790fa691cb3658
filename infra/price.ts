/** One line of the bill of a month in which nothing happens. */
export interface Item {
  what: string;
  /** How much of it a month, with its unit. */
  quantity: number;
  unit: string;
  usd: number;
  /** Where the price stands. */
  source: string;
}

/** The resources of a synthesised template, by logical id. */
export type Resources = Record<string, { Type: string; Properties?: Record<string, unknown> }>;

const HOURS = 730;
const MINUTES = HOURS * 60;
/** A low rate of the last years, so that the sum in euros is not too small. */
export const USD_PER_EUR = 1.08;

// Prices of Paris (eu-west-3) in USD, without free tiers.
const PRICE = {
  alarm: 0.1,
  sqsRequest: 0.4e-6,
  lambdaRequest: 0.2e-6,
  lambdaArmGbSecond: 0.0000133334,
  readUnit: 0.1485e-6,
  logGb: 0.5985,
};
const PAGE = {
  cloudwatch: 'https://aws.amazon.com/cloudwatch/pricing/',
  dynamodb: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
  lambda: 'https://aws.amazon.com/lambda/pricing/',
  sqs: 'https://aws.amazon.com/sqs/pricing/',
};

/** Lambda polls a queue with five pollers, each waiting 20 s: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
const POLLS_PER_MINUTE = 5 * 3;

/** What one tick of the clock does in a sleeping territory. */
export const TICK = {
  seconds: 0.15,
  logBytes: 500,
  // A look into the route dead letters, and each quarter of an hour into three others.
  sqsRequests: 1 + 3 / 15,
  /** Lists of the registry that are empty: half a unit each. */
  lists: 12,
  /** Queries of what is due and of tallies, four lanes each: half a unit each. */
  lanes: 8,
  /** Marks of when something was done last, read as they are now: a unit each. */
  marks: 5,
};

/** Costs nothing while nothing happens: paid by use or by what is stored, or free. */
const IDLE_FREE = new Set([
  'AWS::ApiGateway::Deployment',
  'AWS::ApiGateway::GatewayResponse',
  'AWS::ApiGateway::Method',
  'AWS::ApiGateway::Resource',
  'AWS::ApiGateway::RestApi',
  'AWS::ApiGateway::Stage',
  'AWS::CDK::Metadata',
  'AWS::DynamoDB::Table',
  'AWS::Events::EventBus',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogGroup',
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::Subscription',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
]);

/**
 * The bill of a month in which nothing happens, without free tiers. Throws on a resource whose price nobody has
 * looked up, and on capacity that is paid by the hour.
 */
export function idlePrice(resources: Resources): Item[] {
  return Object.entries(resources).flatMap(([id, { Type, Properties = {} }]) => {
    refuseHourly(id, Type, Properties);
    if (Type === 'AWS::CloudWatch::Alarm') return alarm(Properties);
    if (Type === 'AWS::Lambda::EventSourceMapping') return polling(Properties);
    if (Type === 'AWS::Events::Rule') return ticking(id, Properties, resources);
    if (IDLE_FREE.has(Type)) return [];
    throw new Error(`${id} is a ${Type}: infra/price.ts does not know what that costs when idle`);
  });
}

/** The sum of a bill in USD. */
export const sum = (items: Item[]): number => items.reduce((total, { usd }) => total + usd, 0);

/** The bill as a table, with its sum in both currencies. */
export function bill(items: Item[]): string {
  const line = (usd: number, what: string, rest: string): string =>
    `${usd.toFixed(4).padStart(8)} USD  ${what.padEnd(44)} ${rest}`;
  const total = sum(items);
  return [
    ...items.map(({ what, quantity, unit, usd, source }) =>
      line(usd, what, `${quantity.toLocaleString('en')} ${unit}, ${source}`),
    ),
    line(
      total,
      'a month in which nothing happens',
      `${(total / USD_PER_EUR).toFixed(2)} EUR at ${USD_PER_EUR} USD`,
    ),
  ].join('\n');
}

function refuseHourly(id: string, type: string, properties: Record<string, unknown>): void {
  const hourly =
    (type === 'AWS::DynamoDB::Table' && properties['BillingMode'] !== 'PAY_PER_REQUEST') ||
    'ProvisionedConcurrencyConfig' in properties ||
    'ProvisionedPollerConfig' in properties ||
    (type === 'AWS::ApiGateway::Stage' && properties['CacheClusterEnabled'] === true);
  if (hourly) throw new Error(`${id} (${type}) has capacity that is paid by the hour`);
}

function alarm(properties: Record<string, unknown>): Item[] {
  const metrics = Array.isArray(properties['Metrics']) ? properties['Metrics'].length : 1;
  const what = `alarm ${String(properties['AlarmName'])}`;
  return [{ what, quantity: metrics, unit: 'metric', usd: metrics * PRICE.alarm, source: PAGE.cloudwatch }];
}

/** Lambda reads a DynamoDB stream for nothing, and polls a queue with requests that are paid. */
function polling(properties: Record<string, unknown>): Item[] {
  if ('StartingPosition' in properties) return [];
  const quantity = POLLS_PER_MINUTE * MINUTES;
  const usd = quantity * PRICE.sqsRequest;
  return [{ what: 'Lambda polls the delivery queue', quantity, unit: 'requests', usd, source: PAGE.sqs }];
}

/** A timer and what its function does each time. */
function ticking(id: string, properties: Record<string, unknown>, resources: Resources): Item[] {
  const ticks = MINUTES / minutesOf(id, properties['ScheduleExpression']);
  const target = JSON.stringify(properties['Targets']);
  const [, run] =
    Object.entries(resources).find(
      ([name, { Type }]) => Type === 'AWS::Lambda::Function' && target.includes(`"${name}"`),
    ) ?? [];
  const gb = Number(run?.Properties?.['MemorySize']) / 1024;
  if (!(gb > 0)) throw new Error(`${id}: infra/price.ts cannot tell which function it starts`);
  const item = (what: string, quantity: number, unit: string, price: number, source: string): Item => ({
    what: `clock: ${what}`,
    quantity: Math.round(quantity * 1000) / 1000,
    unit,
    usd: quantity * price,
    source,
  });
  return [
    item('invocations', ticks, 'requests', PRICE.lambdaRequest, PAGE.lambda),
    item('duration', ticks * TICK.seconds * gb, 'GB-s', PRICE.lambdaArmGbSecond, PAGE.lambda),
    item(
      'reads',
      ticks * (TICK.lists / 2 + TICK.lanes / 2 + TICK.marks),
      'units',
      PRICE.readUnit,
      PAGE.dynamodb,
    ),
    item('looks for gaps', ticks * TICK.sqsRequests, 'requests', PRICE.sqsRequest, PAGE.sqs),
    item('logs', (ticks * TICK.logBytes) / 1e9, 'GB', PRICE.logGb, PAGE.cloudwatch),
  ];
}

function minutesOf(id: string, schedule: unknown): number {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(String(schedule)) ?? [];
  const minutes = { minute: 1, hour: 60, day: 1440 }[unit ?? ''];
  if (!count || !minutes)
    throw new Error(`${id}: infra/price.ts cannot read the schedule ${String(schedule)}`);
  return Number(count) * minutes;
}
