import { FilterLogEventsCommand, CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, type AttributeValue, ScanCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListBucketsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import {
  GetQueueUrlCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { eventKey } from '../../events/key.ts';
import { FUNCTIONS, namesOf } from '../../infra/names.ts';
import { tickIn } from './clock.ts';
import {
  admit,
  ask,
  eventOf,
  eventually,
  mesh,
  must,
  type Party,
  pause,
  publish,
  receiver,
  share,
  subscribe,
  unique,
} from './world.ts';

const names = namesOf({ id: mesh.territory, buses: 1 });
const tables = new DynamoDBClient(mesh.engine);
const queues = new SQSClient(mesh.engine);
const buckets = new S3Client({ ...mesh.engine, forcePathStyle: true });
const logs = new CloudWatchLogsClient(mesh.engine);
const DAY = 86_400_000;
const LOOKED_AT_SECONDS = 2;
/** For so long the mesh hides the dead letters that it looks at. */
const HIDDEN_MS = 60_000;

const personal = {
  personalData: true,
  processing: {
    legalBasis: 'article 6(1)(e): public task',
    subjects: ['teachers'],
    categories: ['presence in class rooms'],
  },
  offer: { purposes: ['research'], minimisation: [], approval: 'automatic' },
};

const school = await admit('school', ['provider']);
const dataset = await share(school, personal);

/** A contract in force: personal data waits for the DPO, whatever the offer says. */
async function agreed(consumer: Party, of = dataset.id): Promise<string> {
  const asked = { dataset: of, purpose: 'research', legalBasis: 'public interest' };
  const { body: requested } = await must(201, consumer.key, 'POST', '/v1/contracts', asked);
  expect(requested.state).toBe('agreed');
  const consent = { digest: requested.digest };
  const path = `/v1/contracts/${requested.id}/accept`;
  const { body } = await must(200, mesh.keys.dpo, 'POST', path, consent);
  expect(body.state).toBe('active');
  return requested.id;
}

async function hooked(stem: string, answer?: (nth: number) => number) {
  const consumer = await admit(stem, ['consumer']);
  const hook = await receiver(answer);
  const contract = await agreed(consumer);
  const destination = { kind: 'webhook', url: hook.url };
  return { consumer, hook, ...(await subscribe(consumer, contract, destination)) };
}

/** The whole of a table, as text. */
async function tableText(TableName: string): Promise<string> {
  const parts: string[] = [];
  let next: Record<string, AttributeValue> | undefined;
  do {
    const page = await tables.send(new ScanCommand({ TableName, ...(next && { ExclusiveStartKey: next }) }));
    parts.push(JSON.stringify(page.Items));
    next = page.LastEvaluatedKey;
  } while (next);
  return parts.join('\n');
}

async function queueText(url: string): Promise<string> {
  const bodies: string[] = [];
  for (let asked = 0; asked < 50; asked += 1) {
    const request = { QueueUrl: url, MaxNumberOfMessages: 10, VisibilityTimeout: LOOKED_AT_SECONDS };
    const { Messages = [] } = await queues.send(new ReceiveMessageCommand(request));
    if (Messages.length === 0) break;
    bodies.push(...Messages.map(({ Body = '' }) => Body));
  }
  return bodies.join('\n');
}

async function bucketText(Bucket: string): Promise<string> {
  const { Contents = [] } = await buckets.send(new ListObjectsV2Command({ Bucket }));
  const texts = Contents.map(async ({ Key = '' }) => {
    const { Body } = await buckets.send(new GetObjectCommand({ Bucket, Key }));
    return `${Key} ${(await Body?.transformToString()) ?? ''}`;
  });
  return (await Promise.all(texts)).join('\n');
}

async function logText(logGroupName: string): Promise<string> {
  const lines: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await logs.send(
      new FilterLogEventsCommand({ logGroupName, ...(nextToken !== undefined && { nextToken }) }),
    );
    lines.push(...(page.events ?? []).map(({ message = '' }) => message));
    nextToken = page.nextToken === nextToken ? undefined : page.nextToken;
  } while (nextToken !== undefined);
  return lines.join('\n');
}

/** Every store and every log of the mesh, by name. */
async function everywhere(): Promise<Record<string, string>> {
  const { QueueUrls = [] } = await queues.send(
    new ListQueuesCommand({ QueueNamePrefix: names.ledgerStack.replace(/ledger$/, '') }),
  );
  const { Buckets = [] } = await buckets.send(new ListBucketsCommand({}));
  const payloads = Buckets.flatMap(({ Name = '' }) => (Name.startsWith(names.payloadsPrefix) ? [Name] : []));
  const found: Record<string, string> = {};
  for (const table of [names.ledger, names.registry, names.deliveries]) found[table] = await tableText(table);
  for (const url of QueueUrls) found[url.split('/').at(-1) ?? url] = await queueText(url);
  for (const bucket of payloads) found[bucket] = await bucketText(bucket);
  for (const name of FUNCTIONS) {
    const group = `/aws/lambda/${names.function(name)}`;
    found[group] = await logText(group).catch(() => '');
  }
  return found;
}
const withMark = (stores: Record<string, string>, mark: string): string[] =>
  Object.entries(stores).flatMap(([name, text]) => (text.includes(mark) ? [name] : []));

describe('an event with personal data is erased', () => {
  it('from every store and log; who received it is told and acknowledges', async () => {
    const mark = unique('Martin');
    const app = await hooked('app');
    const lab = await hooked('lab', () => 500);
    const reader = await admit('reader', ['consumer']);
    const pulling = await subscribe(reader, await agreed(reader), { kind: 'pull' });
    const event = eventOf(dataset.type, { co2: 800, teacher: mark });
    await publish(school, event);
    // What is refused holds nothing either.
    const wrong = await publish(school, eventOf(dataset.type, { co2: mark, teacher: mark }));
    expect(wrong.status).toBe(422);
    await Promise.all([app.hook.until(1), lab.hook.until(1)]);
    await eventually(async () => {
      const { body } = await must(200, reader.key, 'GET', `/v1/subscriptions/${pulling.id}/deliveries`);
      expect(body.items).toMatchObject([{ status: 'available' }]);
    });
    const source = `//${mesh.territory}/${school.id}`;
    const key = eventKey(dataset.id, source, event.id);
    const letter = { subscription: { id: app.id }, event: { key, sequence: '0', event } };
    const { QueueUrl } = await queues.send(new GetQueueUrlCommand({ QueueName: names.deliveryDead }));
    await queues.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(letter) }));
    expect(withMark(await everywhere(), mark)).toEqual(
      expect.arrayContaining([names.ledger, names.deliveryDead]),
    );
    // What was looked at is not handed out to anybody for a moment.
    await pause(LOOKED_AT_SECONDS * 1000 + 500);

    const path = `/v1/datasets/${dataset.id}/events?source=${encodeURIComponent(source)}&id=${event.id}`;
    expect((await ask(app.consumer.key, 'DELETE', path)).status).toBe(403);
    const stranger = await admit('stranger', ['provider']);
    expect((await ask(stranger.key, 'DELETE', path)).status).toBe(404);
    const { body: erasure } = await must(200, school.key, 'DELETE', path);
    expect(erasure).toMatchObject({ event: event.id, state: 'open' });
    const attempts = lab.hook.received.length;

    const again = await publish(school, event);
    expect(again.status).toBe(409);
    await eventually(async () => {
      await tickIn(10 * 60_000);
      const { body } = await must(200, school.key, 'GET', `/v1/datasets/${dataset.id}/erasures`);
      expect(body.items[0]).toMatchObject({ state: 'done', told: 3, acknowledged: 0 });
      // A beat that was broken off leaves the dead letters hidden for as long.
    }, mesh.patienceMs + HIDDEN_MS);

    const told = await must(200, app.consumer.key, 'GET', '/v1/notices');
    const notice = told.body.items.find(({ type }: { type: string }) => type === 'maille.event.erased.v1');
    const webhookId = app.hook.received[0]?.headers['webhook-id'];
    expect(notice.data).toMatchObject({ delivery: webhookId, event: { id: event.id } });
    expect((await ask(lab.consumer.key, 'POST', `/v1/notices/${notice.id}/ack`)).status).toBe(404);
    await must(200, app.consumer.key, 'POST', `/v1/notices/${notice.id}/ack`);
    const seen = await must(200, mesh.keys.dpo, 'GET', `/v1/datasets/${dataset.id}/erasures`);
    expect(seen.body.items[0]).toMatchObject({ acknowledged: 1 });
    expect(
      seen.body.items[0].recipients.find(
        ({ participant }: { participant: string }) => participant === app.consumer.id,
      ),
    ).toMatchObject({ delivery: webhookId, acknowledgedAt: expect.any(String) });

    const pulled = await must(200, reader.key, 'POST', `/v1/subscriptions/${pulling.id}/messages/receive`, {
      max: 10,
    });
    expect(pulled.body.messages).toEqual([]);
    // At most what had begun before it.
    expect(lab.hook.received.length - attempts).toBeLessThanOrEqual(1);

    const answers = await Promise.all([
      must(200, app.consumer.key, 'GET', `/v1/subscriptions/${app.id}/deliveries`),
      must(200, lab.consumer.key, 'GET', `/v1/subscriptions/${lab.id}/deliveries`),
      must(200, mesh.keys.dpo, 'GET', '/v1/audit?limit=200'),
      must(200, mesh.keys.dpo, 'GET', '/v1/register'),
      must(200, school.key, 'GET', `/v1/datasets/${dataset.id}/erasures`),
    ]);
    expect(JSON.stringify(answers.map(({ body }) => body))).not.toContain(mark);
    // Who else looked at the dead letters hides them for a minute: each time their daily cleaning has come again.
    const stores = await eventually(async () => {
      await pause(LOOKED_AT_SECONDS * 1000 + 500);
      await tickIn(0);
      await tickIn(DAY);
      const found = await everywhere();
      expect(withMark(found, mark)).toEqual([]);
      return found;
    }, mesh.patienceMs * 2);
    // The looking itself works: the logs are there, and so is what the tables should have.
    expect(stores[`/aws/lambda/${names.function('api')}`]).toContain(erasure.id);
    expect(stores[names.ledger]).toContain(key);
  });
});

describe('retention', () => {
  it('deletes by the sweep: events and deliveries go from their stores', async () => {
    const mark = unique('Durand');
    const short = await share(school, { ...personal, retentionDays: 1 });
    const consumer = await admit('app', ['consumer']);
    const hook = await receiver();
    const contract = await agreed(consumer, short.id);
    const { id } = await subscribe(consumer, contract, { kind: 'webhook', url: hook.url });
    await publish(school, eventOf(short.type, { co2: 800, teacher: mark }));
    const [request] = await hook.until(1);
    const delivery = String(request?.headers['webhook-id']);
    await must(200, consumer.key, 'GET', `/v1/deliveries/${delivery}`);
    expect(await tableText(names.ledger)).toContain(mark);

    await eventually(async () => {
      await tickIn(2 * DAY);
      expect(await tableText(names.ledger)).not.toContain(mark);
      expect(await tableText(names.deliveries)).not.toContain(delivery);
    });
    const { body } = await must(200, consumer.key, 'GET', `/v1/subscriptions/${id}/deliveries`);
    expect(body.items).toEqual([]);
  });
});

it('the register has every dataset with personal data, for the DPO and as CSV', async () => {
  const { body } = await must(200, mesh.keys.dpo, 'GET', '/v1/register');
  const entry = body.entries.find(({ dataset: id }: { dataset?: string }) => id === dataset.id);
  expect(entry).toMatchObject({ controller: { id: school.id }, subjects: ['teachers'], missing: [] });
  expect(body.backups).toContainEqual(expect.objectContaining({ where: 'tables', days: 35 }));
  const csv = await must(200, mesh.keys.operator, 'GET', '/v1/register', undefined, { accept: 'text/csv' });
  expect(csv.headers.get('content-type')).toMatch(/^text\/csv/);
  expect(csv.body).toContain(dataset.id);
});

it('the audit tells who agreed, who erased and who was refused', async () => {
  const audit = async (query: string) =>
    (await must(200, mesh.keys.operator, 'GET', `/v1/audit?${query}`)).body.items;
  const erased = { outcome: 'done', noun: 'erasure', changes: expect.arrayContaining([expect.anything()]) };
  expect(await audit(`participant=${school.id}&action=event.erased`)).toContainEqual(
    expect.objectContaining(erased),
  );
  const refused = await audit('outcome=refused&action=event.erased');
  expect(refused.map(({ problem }: { problem: string }) => problem).sort()).toEqual(
    expect.arrayContaining(['forbidden', 'not-found']),
  );
  expect((await ask(school.key, 'GET', '/v1/audit')).status).toBe(403);
});
