import { gunzipSync } from 'node:zlib';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { call } from '../../bench/mesh.ts';
import type { CloudEvent } from '../../events/cloudevent.ts';
import { everyThird, FAULTS } from '../every-third.ts';
import type { Fault } from '../proxy.ts';
import type { Inbox } from '../receivers.ts';
import type { Scenario } from '../scenario.ts';
import type { Story, Subscribed } from '../story.ts';

/** In turn, at every third call on objects. */
const OBJECT_FAULTS: Fault[] = [
  { do: 'refuse', status: 503, error: 'SlowDown' },
  { do: 'reset' },
  { do: 'lose-answer' },
  { do: 'refuse', status: 500, error: 'InternalError' },
  { do: 'delay', ms: 1500 },
];
/** A consumer gives up when not all has come for so long. */
const FETCH_MS = 120_000;
/** A little longer than a lease of the test territory, and than what a function may take to say that it has ended. */
const LEASE_MS = 8000;
/** A bucket that the test territory lets subscriptions name. */
const ARCHIVE = 'journey-readings-archive';
const PORTIONS = 10;
/** More than the mesh carries with an event. */
const LARGE = 'x'.repeat(66_000);

/**
 * What AWS may do where an event is not sent to its consumer at once: it is fetched, lies in the mesh's bucket, or is
 * written to an archive.
 */
export const fetching: Scenario[] = [
  {
    name: 'trouble-pull',
    what: 'every third call on queues fails while a consumer receives and acknowledges',
    async run(story) {
      const subscribed = await story.subscribe('fetches', undefined, { destination: { kind: 'pull' } });
      const told = everyThird(story, FAULTS, [
        'ReceiveMessage',
        'SendMessageBatch',
        'DeleteMessage',
        'DeleteMessageBatch',
        'ChangeMessageVisibility',
        'ChangeMessageVisibilityBatch',
      ]);
      await story.publish();
      await fetchAll(story, subscribed);
      told();
    },
  },
  {
    name: 'trouble-objects',
    what: 'every third `PutObject` and `GetObject` fails while large data is published, and filters look into it',
    async run(story) {
      await story.subscribe('takes all');
      await story.subscribe('looks into the data', undefined, {
        filter: { data: { co2: [{ numeric: ['>=', 0] }] } },
      });
      const told = everyThird(story, OBJECT_FAULTS, ['PutObject', 'GetObject']);
      await story.publish(story.events, enlarged);
      for (let beat = 0; beat < 4; beat += 1) await story.world.mesh.tick(180).catch(() => undefined);
      told();
    },
  },
  {
    name: 'trouble-archive',
    what: 'every third `PutObject` fails while the clock writes events to the bucket of a consumer',
    async run(story) {
      const prefix = `chaos-${Date.now()}`;
      const s3 = new S3Client({ ...story.world.mesh.engine, forcePathStyle: true });
      await s3.send(new CreateBucketCommand({ Bucket: ARCHIVE })).catch(() => undefined);
      const destination = { kind: 's3', bucket: ARCHIVE, prefix };
      const subscribed = await story.subscribe('archives', undefined, { destination });
      const told = everyThird(story, OBJECT_FAULTS, ['PutObject']);
      // Published in portions with a beat of the clock after each, so that there are many objects.
      for (let at = 0; at < PORTIONS; at += 1) {
        await story.publish(Math.ceil(story.events / PORTIONS));
        await story.world.mesh.tick(0).catch(() => undefined);
      }
      await readArchive(story, subscribed, s3, `${prefix}/dataset=`);
      told();
    },
  },
];

/** An event as its consumer got it, as far as it is read here. */
interface Came {
  id: string;
  sequence: string;
}
/** What a receive answers, as far as it is read here. */
interface Received {
  messages: { lease: string; event: Came }[];
}

/**
 * Receives and acknowledges, as a careful consumer does, until all that was accepted has come, and nothing comes again for
 * longer than a lease.
 */
async function fetchAll({ world, accepted }: Story, { id, inbox }: Subscribed): Promise<void> {
  const { url, consumer } = world.mesh;
  const ask = (action: string, body: object): Promise<Record<string, unknown>> =>
    call(url, consumer.key, 'POST', `/v1/subscriptions/${id}/messages/${action}`, body);
  const leases = new Set<string>();
  const until = Date.now() + FETCH_MS;
  const isDone = (): boolean =>
    inbox.taken.size >= accepted.size && leases.size === 0 && Date.now() - inbox.lastAt > LEASE_MS;
  while (!isDone() && Date.now() < until) {
    const answer = await ask('receive', { max: 10, waitSeconds: 1 }).catch(() => ({ messages: [] }));
    // Safe: api.md says what is answered, of this call and of the next.
    for (const { lease, event } of (answer as unknown as Received).messages) {
      take(inbox, event);
      leases.add(lease);
    }
    // What was not answered is said again; a lease that has ended meanwhile is no lease any more.
    const some = [...leases].slice(0, 10);
    const told = some.length > 0 && (await ask('ack', { leases: some }).catch(() => undefined));
    if (told) for (const lease of some) leases.delete(lease);
  }
}

/** What is no webhook comes under its sequence. */
function take(inbox: Inbox, { id, sequence }: Came): void {
  inbox.takes += 1;
  inbox.lastAt = Date.now();
  inbox.taken.set(id, (inbox.taken.get(id) ?? new Set()).add(sequence));
}

/** Lets the clock write until all that was accepted stands in the archive, and reads it. */
async function readArchive(
  { world, accepted }: Story,
  { inbox }: Subscribed,
  s3: S3Client,
  Prefix: string,
): Promise<void> {
  const seen = new Set<string>();
  const until = Date.now() + FETCH_MS;
  while (inbox.taken.size < accepted.size && Date.now() < until) {
    await world.mesh.tick(0).catch(() => undefined);
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: ARCHIVE, Prefix }));
    for (const { Key = '' } of Contents) {
      if (seen.has(Key)) continue;
      seen.add(Key);
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: ARCHIVE, Key }));
      const text = gunzipSync((await Body?.transformToByteArray()) ?? '').toString();
      for (const line of text.trimEnd().split('\n')) {
        // Safe: the mesh wrote it.
        take(inbox, JSON.parse(line) as Came);
      }
    }
  }
}

/** The same event with more data than travels with it. */
function enlarged(event: CloudEvent): CloudEvent {
  const data = event.data as { address?: object };
  return { ...event, data: { ...data, address: { ...data.address, room: LARGE } } };
}
