import type { CloudEvent } from '../../events/cloudevent.ts';
import { readCloudEvent } from '../../events/envelope.ts';
import { eventKey } from '../../events/key.ts';
import { sealEvent } from '../../events/seal.ts';
import type { Fault, Problem } from '../../schemas/problem.ts';
import type { Payload } from '../payloads/claim.ts';
import { keptUntil } from '../payloads/day.ts';
import type { AppendResult, Clock, Ledger, LedgerEntry } from '../ports.ts';
import { type catalogueReader, typeFinder } from './catalogue.ts';
import { dropPayloads, keepPayloads, type LargeData, storedAs, UNAVAILABLE } from './large.ts';
import type { PublishOutcome } from './outcome.ts';

/** What publishing needs of the world. */
export interface PublishDeps {
  territory: string;
  ledger: Pick<Ledger, 'append'>;
  now: Clock;
  /** A new ULID that sorts after all this process gave before. */
  nextSequence: (now: Date) => string;
  types: ReturnType<typeof catalogueReader>;
  payloads?: LargeData;
  /** The most bytes of large data; without it, what HTTPS takes. */
  mostPayloadBytes?: number;
}

/** A candidate that passed every check, ready for the ledger. */
interface Checked {
  entry: LedgerEntry;
  /** Large data, to be kept before the entry is. */
  payload?: Payload;
  outcome: { id: string; source: string; digest: string };
}

/**
 * Accepts a provider's events: each stands for itself, in the order given. `accepted` means that the ledger's write
 * succeeded; `failed` is the mesh's fault and may be sent again; `rejected` lists every error by JSON Pointer.
 * `kept` names data that is in the bucket already, as it is to stay: opaque, and so not judged by a schema.
 */
export async function publish(
  deps: PublishDeps,
  provider: string,
  candidates: unknown[],
  kept?: string,
): Promise<PublishOutcome[]> {
  const outcomes: PublishOutcome[] = new Array<PublishOutcome>(candidates.length);
  const checked = new Map<number, Checked>();
  const now = deps.now();
  const own = `//${deps.territory}/${provider}`;
  const find = typeFinder(deps.types, provider);
  for (const [index, candidate] of candidates.entries()) {
    const result = await check(deps, { provider, own, find, now, kept }, candidate);
    if ('entry' in result) checked.set(index, result);
    else outcomes[index] = result;
  }
  await keepPayloads(deps.payloads, checked, outcomes);
  await appendAll(deps.ledger, checked, outcomes);
  await dropPayloads(deps.payloads, checked, outcomes);
  return outcomes;
}

/** What all events of one call share. */
interface Call {
  provider: string;
  /** The provider's own source. */
  own: string;
  find: ReturnType<typeof typeFinder>;
  now: Date;
  kept: string | undefined;
}

async function check(
  deps: PublishDeps,
  { provider, own, find, now, kept }: Call,
  candidate: unknown,
): Promise<Checked | (PublishOutcome & { status: 'rejected' })> {
  const read = readCloudEvent(candidate);
  if ('faults' in read)
    return rejected(idOf(candidate), notValid('The event is not a CloudEvent 1.0', read.faults));
  const { event } = read;
  if (event.source && !isBelow(own, event.source)) {
    const message = `must be ${own} or a path below it; leave it out to have it filled in`;
    return rejected(
      event.id,
      notValid(`The source ${event.source} is not yours`, [{ path: '/source', message }]),
    );
  }
  const resolved = await find(event.type, event['dataset']);
  if ('problem' in resolved) return rejected(event.id, resolved.problem);
  const type = resolved.found;
  const faults = kept === undefined ? (await deps.types.judgeOf(type))(dataOf(event)) : [];
  if (faults.length > 0) {
    const schema = `the schema of ${type.type}, version ${type.schemaVersion}`;
    return rejected(
      event.id,
      notValid(`The data does not obey ${schema}: ${faults.length} error(s)`, faults),
    );
  }
  const sealed = sealEvent(event, { source: own, now });
  const source = sealed.event.source;
  const key = eventKey(type.dataset, source, event.id);
  const retained = Math.floor(now.getTime() / 1000) + type.retentionDays * 86_400;
  // No event outlives its data, though the retention was raised since that was put.
  const expires = kept === undefined ? retained : Math.min(retained, keptUntil(kept));
  const room = { key, expires, most: deps.mostPayloadBytes };
  const stored = kept === undefined ? storedAs(deps.payloads, sealed, room) : { body: sealed.body };
  if ('kind' in stored) return rejected(event.id, stored);
  const { body, payload } = stored;
  const name = payload?.name ?? kept;
  return {
    outcome: { id: event.id, source, digest: sealed.digest },
    ...(payload && { payload }),
    entry: {
      key,
      sequence: deps.nextSequence(now),
      dataset: type.dataset,
      provider,
      type: type.type,
      schemaVersion: type.schemaVersion,
      digest: sealed.digest,
      body,
      ...(name !== undefined && { payload: name }),
      expires,
    },
  };
}

/**
 * Appends what was checked. Equal keys in one call go in rounds, the first of each key first, since the ledger takes
 * a key once in a call: the same content is a duplicate of it, other content is judged against what is stored then.
 */
async function appendAll(
  ledger: PublishDeps['ledger'],
  checked: Map<number, Checked>,
  outcomes: PublishOutcome[],
): Promise<void> {
  let waiting = [...checked];
  while (waiting.length > 0) {
    const firsts = new Map<string, { index: number; checked: Checked }>();
    for (const [index, item] of waiting) {
      if (!firsts.has(item.entry.key)) firsts.set(item.entry.key, { index, checked: item });
    }
    const round = [...firsts.values()];
    const results = await ledger.append(round.map((first) => first.checked.entry));
    const resultOf = new Map<string, AppendResult>();
    for (const [position, first] of round.entries()) {
      const result = results[position] ?? 'failed';
      resultOf.set(first.checked.entry.key, result);
      outcomes[first.index] = outcomeOf(first.checked, result);
    }
    waiting = waiting.filter(([index, item]) => {
      const first = firsts.get(item.entry.key);
      if (!first || first.index === index) return false;
      const result = resultOf.get(item.entry.key) ?? 'failed';
      const same = item.entry.digest === first.checked.entry.digest;
      if (result === 'conflict' && !same) return true;
      outcomes[index] = outcomeOf(item, afterFirst(result, same));
      return false;
    });
  }
}

/** What an event is whose key stood earlier in the same call. */
function afterFirst(first: AppendResult, same: boolean): AppendResult {
  if (first === 'failed') return 'failed';
  if (first === 'conflict' || first === 'erased') return first;
  return same ? 'duplicate' : 'conflict';
}

function outcomeOf({ outcome }: Checked, result: AppendResult): PublishOutcome {
  switch (result) {
    case 'accepted':
    case 'duplicate':
      return { status: result, ...outcome };
    case 'conflict':
      return rejected(outcome.id, {
        kind: 'conflict',
        detail: `An event with source ${outcome.source} and id ${outcome.id} was accepted with other content: an accepted event never changes`,
      });
    case 'erased':
      return rejected(outcome.id, {
        kind: 'conflict',
        detail: `The event with source ${outcome.source} and id ${outcome.id} was erased: it is not taken again`,
      });
    case 'failed':
      return {
        status: 'failed',
        id: outcome.id,
        problem: UNAVAILABLE,
      };
  }
}

/** Whether a source is the participant's own, or a path below it: one that no dot segment leads out of (RFC 3986). */
const isBelow = (own: string, source: string): boolean =>
  source === own || (source.startsWith(`${own}/`) && !/\/(?:\.|%2e){1,2}(?:[/?#]|$)/i.test(source));

/** What the schema judges: `data`, the base64 text of binary data, or nothing. */
const dataOf = (event: CloudEvent): unknown => ('data' in event ? event.data : event.data_base64);

const rejected = (id: string | undefined, problem: Problem): PublishOutcome & { status: 'rejected' } => ({
  status: 'rejected',
  ...(id !== undefined && { id }),
  problem,
});

const notValid = (detail: string, errors: Fault[]): Problem => ({ kind: 'not-valid', detail, errors });

function idOf(candidate: unknown): string | undefined {
  const id =
    typeof candidate === 'object' && candidate !== null && 'id' in candidate ? candidate.id : undefined;
  return typeof id === 'string' ? id : undefined;
}
