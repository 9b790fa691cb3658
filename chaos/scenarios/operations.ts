import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { GetQueueAttributesCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { eventRules } from '../../adapters/eventbridge/rules.ts';
import { deploy, synthesise } from '../../local/deploy.ts';
import { takesEverySecond } from '../receivers.ts';
import type { Scenario } from '../scenario.ts';
import type { Story } from '../story.ts';
import type { World } from '../world.ts';

/** How long the registry cannot be read. */
const OUTAGE_MS = 60_000;
/** How many events are published when nothing that was read before stands any more. */
const LATE = 5;
/** Within so long all that is accepted is set aside. */
const SET_ASIDE_MS = 150_000;
/** What was read at the latest before it may still stand for so long: the freshness of a verdict and the slowest read. */
const STANDS_MS = 3000;

/** What operators, clocks and stores do to the mesh. */
export const operations: Scenario[] = [
  {
    name: 'rules-deleted',
    what: "all rules are deleted behind the mesh's back; the reconciler puts them again",
    async run(story) {
      const { inbox } = await story.subscribe('one');
      await story.subscribe('two');
      const gone = await deleteRules(story.world);
      await story.publish();
      await sleep(2000);
      story.expect(inbox.requests === 0, 'rules are still there');
      story.notes.push(`${gone} rules deleted`);
    },
  },
  {
    name: 'registry-outage',
    what: 'the registry cannot be read for a minute: what is accepted waits, and nothing is sent on an unread verdict',
    run: registryOutage,
  },
  {
    name: 'long-outage',
    what: 'the registry cannot be read until what is accepted is set aside; the clock sends it on again, without anybody',
    run: longOutage,
  },
  {
    name: 'clock-skew',
    what: 'the clock is told instants from ten minutes ago to ten minutes ahead while deliveries wait',
    async run(story) {
      await story.subscribe('answers');
      await story.subscribe('answers every second time', takesEverySecond);
      const publishing = story.publish();
      for (const minutes of [10, -10, 5, -5, 10, 0, -1, 1]) {
        await story.world.mesh.tick(minutes * 60);
        await sleep(400);
      }
      await publishing;
    },
  },
  {
    name: 'redeploy',
    what: 'the mesh stack is deployed again with other code and environment while events are published',
    run: redeployed,
  },
];

async function deleteRules({ mesh }: World): Promise<number> {
  const client = new EventBridgeClient(mesh.engine);
  const rules = eventRules({ client, buses: mesh.names.buses, queueArn: '', deadLettersArn: '' });
  const all = await rules.list();
  for (const { bus, name } of all) await rules.remove(bus, name);
  return all.length;
}

async function registryOutage(story: Story): Promise<void> {
  const { world } = story;
  await world.hideFor(15);
  const half = Math.ceil(story.events / 2);
  // So that the outage finds deliveries which are about to go again.
  const { inbox } = await story.subscribe('answers every second time', takesEverySecond);
  const { inbox: other } = await story.subscribe('answers');
  await story.publish(half);
  world.proxy.inject(({ action, body }) =>
    ['GetItem', 'BatchGetItem', 'Query'].includes(action) && body.includes(world.mesh.names.registry)
      ? { do: 'refuse', status: 500, error: 'InternalServerError' }
      : undefined,
  );
  const began = Date.now();
  // What was read just before stands for a while: only what is published after it meets the outage.
  const publishing = story
    .publish(half - LATE)
    .then(() => sleep(STANDS_MS))
    .then(() => story.publish(LATE));
  await sleep(OUTAGE_MS);
  const latest = Math.max(inbox.lastAt, other.lastAt) - began;
  story.expect(latest <= STANDS_MS, `a request went out ${latest} ms after the registry could last be read`);
  world.proxy.inject();
  await publishing;
  story.expect(story.refused > 0, 'publishing was not refused');
  await world.hideFor();
  const last = latest > 0 ? `${(latest / 1000).toFixed(1)} s into the outage` : 'before it';
  story.notes.push(`the last request went out ${last}; publishing was answered 503 meanwhile`);
}

/** As an outage of an hour in production, where what is held comes again ten times, over half an hour. */
async function longOutage(story: Story): Promise<void> {
  const { world } = story;
  await story.subscribe('one');
  await story.subscribe('two');
  const production = await setAsideAfter(world, 3);
  await world.source('deliver', { Enabled: false });
  await story.publish();
  world.proxy.inject(({ action, body }) =>
    action === 'BatchGetItem' && body.includes(world.mesh.names.registry)
      ? { do: 'refuse', status: 500, error: 'InternalServerError' }
      : undefined,
  );
  await world.source('deliver', { Enabled: true });
  const all = story.accepted.size * 2;
  for (const until = Date.now() + SET_ASIDE_MS; Date.now() < until && (await setAside(world)) < all;)
    await sleep(1000);
  const aside = await setAside(world);
  story.expect(aside > 0, 'nothing was set aside');
  world.proxy.inject();
  await setAsideAfter(world, production);
  for (let minutes = 2; minutes < 120 && (await setAside(world)) > 0; minutes += 2) {
    await world.mesh.tick(minutes * 60);
    await sleep(1000);
  }
  story.expect((await setAside(world)) === 0, 'the clock left something in the dead letters');
  story.notes.push(`${aside} deliveries were set aside, and sent on by the clock alone`);
}

/** Has a delivery message set aside after so many times; answers after how many it was. */
async function setAsideAfter({ sqs, queueUrl, mesh }: World, times: number): Promise<number> {
  const QueueUrl = queueUrl(mesh.names.delivery);
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['RedrivePolicy'] }),
  );
  const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(Attributes['RedrivePolicy'] ?? '{}') as {
    deadLetterTargetArn: string;
    maxReceiveCount: number;
  };
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: times });
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { RedrivePolicy } }));
  return Number(maxReceiveCount);
}

async function setAside({ sqs, queueUrl, mesh }: World): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl(mesh.names.deliveryDead),
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
}

async function redeployed(story: Story): Promise<void> {
  const { world } = story;
  await story.subscribe('one');
  await story.subscribe('two');
  const assembly = await changedAssembly(Number(new URL(world.mesh.engine.endpoint).port));
  let deployed = false;
  const { endpoint, region, credentials } = world.mesh.engine;
  const deploying = deploy(
    'test',
    { endpoint, region, ...credentials },
    { assembly: Promise.resolve(assembly) },
  ).finally(() => (deployed = true));
  const least = story.events;
  while (!deployed || story.sent.size < least) await story.publish(20);
  await deploying;
  await world.pointAtProxy();
  await story.publish(20);
}

/** The test territory's assembly with a line added to each function's code and a variable to its environment. */
async function changedAssembly(port: number): Promise<string> {
  const from = await synthesise('test', port);
  const folder = `${from}-changed`;
  rmSync(folder, { recursive: true, force: true });
  renameSync(from, folder);
  const texts = new Map(
    readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );
  const template = 'maille-test-mesh.template.json';
  const body = texts.get(template) ?? '';
  texts.set(template, body.replaceAll('"TERRITORY":', '"REDEPLOYED": "1",\n     "TERRITORY":'));
  // Assets are named by what is in them: those that are changed get other names, or they would not be uploaded.
  const again = (hash: string): string => createHash('sha256').update(`${hash} changed`).digest('hex');
  const rename = (hash: string): void => {
    for (const [name, text] of texts) texts.set(name, text.replaceAll(hash, again(hash)));
  };
  for (const asset of readdirSync(folder).filter((name) => name.startsWith('asset.'))) {
    const hash = asset.slice('asset.'.length);
    const code = join(folder, asset, 'index.mjs');
    writeFileSync(code, `${readFileSync(code, 'utf8')}\n// deployed again\n`);
    renameSync(join(folder, asset), join(folder, `asset.${again(hash)}`));
    rename(hash);
  }
  const manifest = JSON.parse(texts.get('maille-test-mesh.assets.json') ?? '{}') as {
    files: Record<string, { source: { path: string } }>;
  };
  for (const [hash, { source }] of Object.entries(manifest.files)) if (source.path === template) rename(hash);
  for (const [name, text] of texts) writeFileSync(join(folder, name), text);
  return folder;
}
