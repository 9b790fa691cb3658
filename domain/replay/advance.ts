import { decodeTime, encodeTime } from 'ulid';
import type { Contract } from '../../schemas/contract.ts';
import type { Dataset } from '../../schemas/dataset.ts';
import type { Replay } from '../../schemas/replay.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { eachApart, inTurn } from '../clock/apart.ts';
import { refsOf } from '../clock/release.ts';
import { wants } from '../clock/settle.ts';
import { bindingAt } from '../contracts/due.ts';
import { isOver } from '../contracts/transitions.ts';
import { allItems } from '../control.ts';
import { contractClause, coversType, type Standing, tellingFilter } from '../deliver/verdict.ts';
import type { DeliveryQueue, Ledger, Registry } from '../ports.ts';
import { routed } from '../route.ts';

/** What driving replays needs of the world. */
export interface AdvanceDeps {
  registry: Registry;
  ledger: Pick<Ledger, 'read' | 'history'>;
  queue: DeliveryQueue;
}

/** How many events of one replay one beat of the clock looks at. */
const PER_BEAT = 2000;
/** And in one turn, before the others have theirs. */
const PER_TURN = 400;
/** And over how many days at most, though they have no events: each costs a query of every part of the ledger's index. */
const DAYS_PER_TURN = 100;
const DAY_MS = 86_400_000;
/** After so many events what was reached is kept: no more than these go twice after a crash. */
const PER_WRITE = 200;

/**
 * Drives every running replay a bounded way on, each a portion at a time, the consumers by turns, until `goesOn` says no: one
 * with much to send does not hold up the others, nor one consumer with many. Answers how many events went to be delivered.
 */
export async function advanceReplays(
  deps: AdvanceDeps,
  now: Date,
  goesOn: () => boolean = () => true,
): Promise<number> {
  let sent = 0;
  const running = await allItems((page) => deps.registry.list('replaysRunning', {}, page));
  const turns = Array.from({ length: PER_BEAT / PER_TURN }, () => running).flat();
  const through = new Set<string>();
  await eachApart(
    inTurn(turns, ({ consumer }) => consumer, now),
    async ({ id }) => {
      if (through.has(id)) return;
      // One that fails or stands still has no other turn.
      through.add(id);
      const replay = await deps.registry.read('replay', id);
      if (replay?.status !== 'running') return;
      const after = await advanceReplay(deps, replay, PER_TURN, now);
      sent += after.sent - replay.sent;
      if (after.status === 'running' && after.revision > replay.revision) through.delete(id);
    },
    goesOn,
  );
  return sent;
}

/**
 * Drives a replay on by at most so many events and {@link DAYS_PER_TURN}: they go to the delivery queue, where each is judged
 * when it is sent, and only then is kept how far it came. It begins where the dataset's retention does: what is older is
 * seen by nobody. Stands still while its contract is suspended or hides what the filter reaches; ends with it.
 */
export async function advanceReplay(
  deps: AdvanceDeps,
  replay: Replay,
  most: number,
  now: Date,
): Promise<Replay> {
  const [subscription, contract, dataset, provider, consumer] = await deps.registry.readAll([
    { noun: 'subscription', id: replay.subscription },
    { noun: 'contract', id: replay.contract },
    { noun: 'dataset', id: replay.dataset },
    { noun: 'participant', id: replay.provider },
    { noun: 'participant', id: replay.consumer },
  ] as const);
  const over = !subscription || subscription.status === 'ended' || !contract || isOver(contract.state);
  if (over || !dataset) return moved(deps, replay, { status: 'cancelled' }, now);
  if (standstill({ subscription, contract, provider, consumer }, now) !== undefined) return replay;
  let present = replay;
  let left = most;
  const span = spanOf(replay, dataset, now);
  for await (const places of placesBehind(deps.ledger, replay, span)) {
    for (let start = 0; start < places.length && left > 0; start += PER_WRITE) {
      const some = places.slice(start, start + Math.min(PER_WRITE, left));
      left -= some.length;
      const { seen, sent } = await send(deps, present, { subscription, contract }, some, now);
      const progress = {
        seen: present.seen + seen,
        sent: present.sent + sent,
        reached: some.at(-1)?.sequence ?? present.reached,
      };
      const next = await moved(deps, present, progress, now);
      // Cancelled, or driven by another: theirs counts.
      if (next.revision !== present.revision + 1 || next.status !== 'running') return next;
      present = next;
    }
    if (left <= 0) return present;
  }
  const ended = span.end >= Date.parse(replay.to);
  return moved(deps, present, ended ? { status: 'done' } : { reached: lastBefore(span.end) }, now);
}

/** The clause by which nothing goes again now. What a filter picks of what the contract hides is not even counted. */
export function standstill(
  { contract, ...others }: Pick<Standing, 'subscription' | 'contract' | 'provider' | 'consumer'>,
  now: Date,
): string | undefined {
  const today = contract && bindingAt(contract, now);
  return contractClause({ contract, ...others }, now) ?? tellingFilter({ ...others, contract: today });
}

/** What one turn walks: from where the replay came to, or the retention begins, some days on. */
function spanOf({ from, to, reached }: Replay, { retentionDays }: Dataset, now: Date): Span {
  const asked = reached === undefined ? Date.parse(from) : decodeTime(reached);
  const start = Math.max(asked, now.getTime() - retentionDays * DAY_MS);
  return { start, end: Math.min(Date.parse(to), start + DAYS_PER_TURN * DAY_MS) };
}

interface Span {
  start: number;
  end: number;
}

/** The greatest sequence of the millisecond before: all that are behind it are of this instant or later. */
const lastBefore = (instant: number): string => `${encodeTime(instant - 1, 10)}${'Z'.repeat(16)}`;

async function* placesBehind(
  ledger: Pick<Ledger, 'history'>,
  { dataset, reached }: Replay,
  { start, end }: Span,
): AsyncIterable<{ key: string; sequence: string }[]> {
  for await (const page of ledger.history(dataset, new Date(start), new Date(end))) {
    const behind = page.filter(({ sequence }) => reached === undefined || sequence > reached);
    if (behind.length > 0) yield behind;
  }
}

async function send(
  deps: AdvanceDeps,
  replay: Replay,
  { subscription, contract }: { subscription: Subscription; contract: Contract },
  places: { key: string; sequence: string }[],
  now: Date,
): Promise<{ seen: number; sent: number }> {
  const entries = await deps.ledger.read(
    places.map(({ key }) => key),
    now,
  );
  // What the contract does not cover is not even counted: its consumer would learn how much there is.
  const covered = entries.flatMap((entry) => (entry && coversType(contract, entry.type) ? [entry] : []));
  const messages = covered.flatMap((entry) => {
    if (!coversType(replay, entry.type) || !wants(subscription, routed(entry))) return [];
    const { key, sequence } = entry;
    return [
      {
        message: { subscription: refsOf(subscription), event: { key, sequence }, replay: replay.id },
        delaySeconds: 0,
      },
    ];
  });
  if (messages.length > 0) await deps.queue.send(messages);
  return { seen: covered.length, sent: messages.length };
}

/** The replay after a step; the one that is stored where somebody else moved it meanwhile. */
async function moved(deps: AdvanceDeps, before: Replay, step: Partial<Replay>, now: Date): Promise<Replay> {
  const item: Replay = { ...before, ...step, updatedAt: now.toISOString(), revision: before.revision + 1 };
  if (await deps.registry.write([{ do: 'replace', noun: 'replay', before, item }])) return item;
  return (await deps.registry.read('replay', before.id)) ?? { ...before, status: 'cancelled' };
}
