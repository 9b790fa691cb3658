import { encodeTime } from 'ulid';
import { noticeToEvent, titleOf } from '../../events/notices.ts';
import { milliseconds } from '../../schemas/duration.ts';
import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';
import type { Channel, Notice } from '../../schemas/notice.ts';
import type { Territory } from '../../schemas/territory.ts';
import { inTurn } from '../clock/apart.ts';
import { allItems } from '../control.ts';
import { afterAnswer, type Chance, type Next } from '../deliver/retry.ts';
import { webhookRequest } from '../deliver/wire.ts';
import type { Clock, Mailer, Registry, Sealer, Sender, WebhookAnswer } from '../ports.ts';

/** How old a notice must be: by then every transaction that was about to write an earlier one has ended. */
const SETTLED_MS = 30_000;
/** How many notices one channel is sent at once, and how many times at one beat of the clock. */
const AT_ONCE = 20;
const ROUNDS = 3;
/** How many channels are served side by side. */
const CHANNELS_AT_ONCE = 10;

/** What pushing notices needs of the world. */
export interface PushDeps {
  registry: Pick<Registry, 'list' | 'write'>;
  send: Sender;
  mail: Mailer;
  sealer: Pick<Sealer, 'unseal'>;
  /** The present: receivers judge a signature by it, whatever instant is swept for. */
  clock: Clock;
  chance: Chance;
  territory: Pick<Territory, 'id' | 'retryWaits' | 'webhookTimeout'>;
}

/**
 * Pushes notices to those who asked for it: signed like deliveries, with the same waits between attempts, in the order
 * in which they were stated, at least once; another participant first at each beat, and nobody once `goesOn` says no.
 * Answers how many were taken.
 */
export async function pushNotices(
  deps: PushDeps,
  now: Date,
  goesOn: () => boolean = () => true,
): Promise<number> {
  const channels = await allItems((page) => deps.registry.list('channels', {}, page));
  const due = channels.filter(({ dueAt }) => dueAt === undefined || Date.parse(dueAt) <= now.getTime());
  const turns = inTurn(due, ({ participant }) => participant, now);
  let taken = 0;
  for (let start = 0; start < turns.length; start += CHANNELS_AT_ONCE) {
    const some = turns.slice(start, start + CHANNELS_AT_ONCE);
    const counts = await Promise.all(some.map((channel) => serve(deps, channel, now, goesOn)));
    taken += counts.reduce((sum, count) => sum + count, 0);
  }
  return taken;
}

async function serve(deps: PushDeps, before: Channel, now: Date, goesOn: () => boolean): Promise<number> {
  let channel = before;
  let taken = 0;
  for (let round = 0; round < ROUNDS && goesOn(); round += 1) {
    // One that has failed is tried with one notice before it gets the others.
    const limit = channel.attempts > 0 ? 1 : AT_ONCE;
    const notices = await waiting(deps.registry, channel, limit, now);
    if (notices.length === 0) break;
    const { next, count, error } = await handOver(deps, channel, notices, now);
    taken += count;
    channel = after(channel, notices[count - 1], next, error, now);
    if (next.kind !== 'delivered') break;
  }
  if (channel === before) return 0;
  // Another address meanwhile, or none: then this one's progress is nobody's.
  await deps.registry.write([{ do: 'replace', noun: 'channel', before, item: channel }]);
  return taken;
}

async function waiting(
  registry: PushDeps['registry'],
  { participant, after: begin }: Channel,
  limit: number,
  now: Date,
): Promise<Notice[]> {
  const end = ID_PREFIXES.notice + encodeTime(Math.max(0, now.getTime() - SETTLED_MS), 10);
  const page = await registry.list('noticesOfParticipant', { participant }, { limit, after: begin });
  return page.items.filter(({ id }) => id < end);
}

/** What became of some notices: how many from the first one on were taken, and what follows the one behind them. */
interface HandedOver {
  next: Next;
  count: number;
  error?: string | undefined;
}

async function handOver(deps: PushDeps, channel: Channel, notices: Notice[], now: Date): Promise<HandedOver> {
  // One e-mail tells all of them, so that one answer is that of each.
  const mailed = channel.kind === 'email' ? await byMail(deps, channel, notices) : undefined;
  const answers = await Promise.all(notices.map((notice) => mailed ?? byWebhook(deps, channel, notice)));
  const judged = answers.map((answer) => ({
    answer,
    next: afterAnswer(
      answer,
      channel.attempts + 1,
      { waits: deps.territory.retryWaits, chance: deps.chance },
      now,
    ),
  }));
  const failed = judged.findIndex(({ next }) => next.kind !== 'delivered');
  const failure = judged[failed];
  if (!failure) return { next: { kind: 'delivered' }, count: notices.length };
  const { answer, next } = failure;
  return { next, count: failed, error: answer.kind === 'answer' ? `HTTP ${answer.status}` : answer.error };
}

/** The channel after an attempt: behind what was taken, and waiting before what was not. */
function after(
  { dueAt: _, error: __, ...channel }: Channel,
  last: Notice | undefined,
  next: Next,
  error: string | undefined,
  now: Date,
): Channel {
  const moved: Channel = last ? { ...channel, after: last.id, attempts: 0 } : channel;
  const told = error === undefined ? {} : { error };
  if (next.kind === 'delivered') return { ...moved, status: 'active', attempts: 0 };
  if (next.kind !== 'retry') return { ...moved, ...told, status: 'disabled' };
  const dueAt = new Date(now.getTime() + next.afterSeconds * 1000).toISOString();
  return { ...moved, ...told, status: 'failing', attempts: moved.attempts + 1, dueAt };
}

async function byWebhook(
  deps: PushDeps,
  { address, sealed, origin }: Channel,
  notice: Notice,
): Promise<WebhookAnswer> {
  if (sealed === undefined) throw new Error('a webhook of notices has a secret');
  const secrets = [await deps.sealer.unseal(sealed)];
  const destination = { kind: 'webhook', url: address, mode: 'structured', concurrency: AT_ONCE } as const;
  const event = noticeToEvent(notice, deps.territory.id);
  const timeoutMs = milliseconds(deps.territory.webhookTimeout);
  return deps.send(
    webhookRequest(destination, event, {
      secrets,
      id: notice.id,
      at: deps.clock(),
      timeoutMs,
      ...(origin !== undefined && { origin }),
    }),
  );
}

/** All that wait in one e-mail. */
async function byMail(
  { mail, territory }: PushDeps,
  { address }: Channel,
  notices: Notice[],
): Promise<WebhookAnswer> {
  const [first] = notices;
  const subject =
    notices.length === 1 && first
      ? titleOf(first.type)
      : `${notices.length} avis / ${notices.length} notices`;
  const text = notices.map((notice) => [
    `${titleOf(notice.type)} (${notice.type})`,
    `${notice.time}  ${notice.subject}`,
    ...Object.entries(notice.data).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`),
  ]);
  try {
    await mail({
      to: address,
      subject: `[Maille ${territory.id}] ${subject}`,
      text: text.map((lines) => lines.join('\n')).join('\n\n'),
    });
    return { kind: 'answer', status: 202, body: '' };
  } catch (error) {
    return { kind: 'no-answer', error: error instanceof Error ? error.name : 'not sent' };
  }
}
