import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, paginateScan, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import type { Row } from '../../adapters/dynamodb/batch.ts';
import { entryOfRow } from '../../adapters/dynamodb/ledger-row.ts';
import { routed } from '../../domain/route.ts';
import type { Scenario } from '../scenario.ts';
import type { Story, Subscribed } from '../story.ts';
import type { World } from '../world.ts';

/** Some leases of the route dead letters, of a minute each. */
const LEASES_MS = 200_000;
const INSERTS = { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] };
const NOTHING = { Filters: [{ Pattern: '{"eventName":["NONE"]}' }] };

/** What the stream and the queues may do: lose, repeat, carry garbage. */
export const stream: Scenario[] = [
  {
    name: 'lost-day',
    what: 'the stream loses what was accepted for a while; an operator has it routed again from the ledger',
    async run(story) {
      const { world } = story;
      const { inbox } = await story.subscribe('one');
      await story.subscribe('two');
      const from = new Date();
      await world.source('route', { FilterCriteria: NOTHING });
      await story.publish();
      await sleep(3000);
      await world.source('route', { FilterCriteria: INSERTS });
      await sleep(1500);
      story.expect(inbox.requests === 0, 'the stream has lost nothing');
      const gap = { from: from.toISOString(), to: new Date().toISOString() };
      await sendTo(world, world.mesh.names.routeDead, JSON.stringify(gap));
      await story.publish(20);
      story.notes.push('a message `{from, to}` in the route dead letters, as the runbook says');
    },
  },
  {
    name: 'duplicates',
    what: 'each stream record once more and each delivery message twice more, while and after they are delivered',
    async run(story) {
      const { world } = story;
      const subscribed = [await story.subscribe('one'), await story.subscribe('two')];
      const publishing = story.publish();
      await sleep(500);
      await repeat(story, subscribed);
      await publishing;
      await repeat(story, subscribed);
      await world.mesh.tick(0);
    },
  },
  {
    name: 'poison',
    what: 'garbage in the delivery queue, a broken row in the ledger: others are not held up, an operator sees it',
    run: poison,
  },
];

async function poison(story: Story): Promise<void> {
  const { world } = story;
  const { names } = world.mesh;
  await story.subscribe('one');
  await story.subscribe('two');
  await world.hideFor(1);
  const garbage = ['not json', '{}', '{"subscription":{"id":"sub_x"},"event":{}}', '[]', '"\\u0000"'];
  for (const body of garbage) await sendTo(world, names.delivery, body);
  await story.publish(Math.ceil(story.events / 2));
  await putBrokenRows(world, 3);
  await story.publish(Math.floor(story.events / 2));
  const before = Date.now();
  while ((await waiting(world, names.deliveryDead)) < garbage.length && Date.now() - before < 60_000)
    await sleep(500);
  const dead = await waiting(world, names.deliveryDead);
  story.expect(dead === garbage.length, `${dead} of ${garbage.length} messages are in the dead letters`);
  const broken = await waiting(world, names.routeDead);
  story.expect(broken === 3, `${broken} of 3 broken rows are in the route dead letters`);
  story.expect(await clockFails(world), 'the clock says nothing of broken rows');
  await drain(world, names.routeDead);
  await drain(world, names.deliveryDead);
  await world.hideFor();
  story.notes.push(`${dead} messages and ${broken} rows set aside, the clock fails until they are removed`);
}

/** Whether a beat fails: the engine's own timer may have looked at the rows just before, and as soon as that lease ended. */
async function clockFails({ lambda, mesh }: World): Promise<boolean> {
  for (const until = Date.now() + LEASES_MS; Date.now() < until; await sleep(500)) {
    const asked = new InvokeCommand({ FunctionName: mesh.names.function('clock'), Payload: '{}' });
    if ((await lambda.send(asked)).FunctionError !== undefined) return true;
  }
  return false;
}

async function putBrokenRows({ mesh }: World, count: number): Promise<void> {
  const client = new DynamoDBClient(mesh.engine);
  for (let at = 0; at < count; at += 1) {
    const Item = { key: { S: `broken-${Date.now()}-${at}` }, sequence: { S: 'x' }, body: { S: '{not json' } };
    await client.send(new PutItemCommand({ TableName: mesh.names.ledger, Item }));
  }
}

/** Invokes `route` with every record of the scenario once more, and puts every delivery message twice more. */
async function repeat({ world, accepted }: Story, subscribed: Subscribed[]): Promise<void> {
  const { mesh, lambda } = world;
  const rows: Row[] = [];
  const client = new DynamoDBClient(mesh.engine);
  for await (const { Items = [] } of paginateScan({ client }, { TableName: mesh.names.ledger }))
    rows.push(...Items.filter((row) => accepted.has(idIn(row))));
  const Records = rows.map((NewImage) => ({ eventName: 'INSERT', dynamodb: { NewImage } }));
  const Payload = JSON.stringify({ Records });
  await lambda.send(new InvokeCommand({ FunctionName: mesh.names.function('route'), Payload }));
  const stamp = {
    contract: mesh.contract,
    provider: mesh.provider.id,
    consumer: mesh.consumer.id,
  };
  const bodies = rows.flatMap((row) =>
    subscribed.map(({ id }) => {
      const entry = entryOfRow(row);
      const subscription = { ...stamp, id, dataset: entry.dataset };
      return JSON.stringify({ subscription, event: routed(entry) });
    }),
  );
  await Promise.all([...bodies, ...bodies].map((body) => sendTo(world, mesh.names.delivery, body)));
}

function idIn(row: Row): string {
  try {
    return (JSON.parse(row['body']?.S ?? '{}') as { id?: string }).id ?? '';
  } catch {
    return '';
  }
}

const sendTo = ({ sqs, queueUrl }: World, queue: string, MessageBody: string): Promise<unknown> =>
  sqs.send(new SendMessageCommand({ QueueUrl: queueUrl(queue), MessageBody }));

async function waiting({ sqs, queueUrl }: World, queue: string): Promise<number> {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl(queue), AttributeNames: [...names] }),
  );
  return names.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
}

/** Removes all that is in a queue, as its leases end. */
async function drain(world: World, queue: string): Promise<void> {
  const { sqs, queueUrl } = world;
  for (const until = Date.now() + LEASES_MS; Date.now() < until;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl(queue), MaxNumberOfMessages: 10 }),
    );
    for (const { ReceiptHandle } of Messages)
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl(queue), ReceiptHandle }));
    if ((await waiting(world, queue)) === 0) return;
    if (Messages.length === 0) await sleep(500);
  }
}
