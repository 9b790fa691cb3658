import { createHash } from 'node:crypto';
import type { Ownership } from '../../schemas/ownership.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import { absent, type ControlDeps, overtaken } from '../control.ts';
import { contractClause } from '../deliver/verdict.ts';
import { ownershipNotice } from '../notices.ts';
import { originOf } from '../source.ts';
import { liveSubscription, type SubscriptionView, viewOf } from '../subscriptions/deps.ts';
import { type Asked, type AskOwner, rateOf } from './ask.ts';

/** What proving needs of the world. */
export interface ProveDeps extends ControlDeps {
  askOwner: AskOwner;
  /** Where the mesh answers; without it no receiver can consent later. */
  publicUrl?: string | undefined;
  territory: Pick<Territory, 'id' | 'webhookOwnership'>;
}

/** How often a change is tried while others change the same subscription. */
const TRIES = 3;

/** Whether a subscription's receiver has yet to show that it wants its events. */
export const isUnproven = ({ ownership }: Pick<Subscription, 'ownership'>): boolean =>
  ownership?.proof === 'none';

/** A subscription that is about to be written, and the word by which its receiver is asked once it is. */
export interface Begun {
  item: Subscription;
  word?: string;
}

/**
 * What a subscription to a new receiver is written as: `unverified` until {@link askReceiver} found out, since the
 * receiver may consent before the asking has ended. Where the handshake is only offered, it is asked here and now: 422
 * when the receiver names somebody else. Whom a destination of AWS lets in is found out everywhere.
 */
export async function beginProof(deps: ProveDeps, planned: Subscription): Promise<Begun> {
  const { kind } = planned.destination;
  if (kind === 'pull') return { item: planned };
  if (kind === 'webhook' && deps.territory.webhookOwnership === 'offered')
    return { item: (await stands(deps, planned)) ? await offered(deps, planned) : planned };
  const word = deps.random(32).toString('base64url');
  const since = deps.now().toISOString();
  const ownership: Ownership = { proof: 'none', origin: originOf(deps), since, consent: hashOf(word) };
  const status = planned.status === 'paused' ? 'paused' : 'unverified';
  return { item: { ...planned, status, ownership }, word };
}

async function offered(deps: ProveDeps, planned: Subscription): Promise<Subscription> {
  const asked = await deps.askOwner(planned);
  if (!asked.refused) return shown(planned, proofOf(deps, asked), deps.now());
  const errors = [{ path: '/destination/url', message: wordsOf(asked.asked) }];
  throw new ProblemError('not-valid', `The receiver wants no events of ${originOf(deps)}`, { errors });
}

/** Asks the receiver of a subscription that is written, and writes what came of it; `tell` is who was not there. */
export async function askReceiver(
  deps: ProveDeps,
  { item, word }: Begun,
  { tell }: { tell: boolean },
): Promise<Subscription> {
  if (word === undefined || !(await stands(deps, item))) return item;
  const asked = await deps.askOwner(item, callbackOf(deps, item.id, word));
  for (let tried = 0; tried < TRIES; tried += 1) {
    const before = await deps.registry.read('subscription', item.id);
    if (!before) throw absent('subscription', item.id);
    // Consented meanwhile, or another receiver: what was asked here says nothing of that.
    if (!isUnproven(before) || before.ownership?.consent !== hashOf(word)) return before;
    const after = heard(before, proofOf(deps, asked), deps.now());
    const told = tell && isUnproven(after) ? ownershipNotice(after, deps.now(), deps.random) : [];
    const change = { do: 'replace', noun: 'subscription', before, item: after } as const;
    if (await deps.registry.write([change, ...told])) return after;
  }
  throw overtaken('subscription', item.id);
}

/**
 * Asks the receiver of a caller's subscription again; 409 that says what was sent and came back, unless it consents. One
 * that has consented by the handshake may say another rate.
 */
export async function verifySubscription(
  deps: ProveDeps,
  caller: Caller,
  id: string,
): Promise<SubscriptionView> {
  const before = await liveSubscription(deps.registry, caller, id);
  if (!isUnproven(before)) return viewOf(await atRateOfNow(deps, before));
  const clause = await clauseAgainst(deps, before);
  if (clause) throw new ProblemError('conflict', `Nothing passes on this subscription: ${clause}`);
  const begun = await beginProof(deps, before);
  const item = { ...begun.item, revision: before.revision + 1 };
  if (!(await deps.registry.write([{ do: 'replace', noun: 'subscription', before, item }])))
    throw overtaken('subscription', id);
  const after = await askReceiver(deps, { ...begun, item }, { tell: false });
  if (isUnproven(after)) throw new ProblemError('conflict', adviceOf(after), faultsOf(after));
  return viewOf(after);
}

async function atRateOfNow(deps: ProveDeps, before: Subscription): Promise<Subscription> {
  const { ownership } = before;
  if (ownership?.proof !== 'handshake' || !(await stands(deps, before))) return before;
  const { proof, allowedRate } = await deps.askOwner(before);
  if (proof !== 'handshake' || allowedRate === ownership.allowedRate) return before;
  const { allowedRate: _, ...rest } = ownership;
  const item = {
    ...before,
    ownership: { ...rest, ...(allowedRate !== undefined && { allowedRate }) },
    revision: before.revision + 1,
  };
  if (!(await deps.registry.write([{ do: 'replace', noun: 'subscription', before, item }])))
    throw overtaken('subscription', before.id);
  return item;
}

/** Takes the consent of a receiver that comes later, by the word that it was asked with; a wrong one leads nowhere. */
export async function consentLater(
  deps: ProveDeps,
  id: string,
  word: string,
  rate: string | undefined,
): Promise<{ subscription: string; origin: string }> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const before = await deps.registry.read('subscription', id);
    const { ownership } = before ?? {};
    if (!before || before.status === 'ended' || ownership?.consent !== hashOf(word))
      throw absent('question about the subscription', id);
    if (!isUnproven(before)) return { subscription: id, origin: ownership.origin };
    const allowedRate = rateOf(rate);
    const { origin, consent } = ownership;
    const proof = {
      ...{ proof: 'callback' as const, origin, consent },
      ...(allowedRate !== undefined && { allowedRate }),
    };
    const item = shown(before, proof, deps.now());
    const told = ownershipNotice(item, deps.now(), deps.random);
    if (await deps.registry.write([{ do: 'replace', noun: 'subscription', before, item }, ...told]))
      return { subscription: id, origin };
  }
  throw overtaken('subscription', id);
}

/** What is known of a receiver, but for since when. */
type Proof = Omit<Ownership, 'since' | 'owing'>;

const proofOf = (deps: ProveDeps, { refused: _, ...asked }: Asked): Proof => ({
  ...asked,
  origin: originOf(deps),
});

const heard = (before: Subscription, proof: Proof, now: Date): Subscription => {
  const { consent, since = now.toISOString() } = before.ownership ?? {};
  const known = { ...proof, ...(consent !== undefined && { consent }) };
  if (proof.proof !== 'none') return shown(before, known, now);
  return { ...before, ownership: { ...known, since }, revision: before.revision + 1 };
};

/**
 * A subscription whose receiver may be sent events. What it waited for meanwhile was withheld: its rule has to settle
 * anew, and what is owed goes then, once no function can still take it for unverified.
 */
function shown(before: Subscription, proof: Proof, now: Date): Subscription {
  const since = now.toISOString();
  if (!isUnproven(before)) return { ...before, ownership: { ...proof, since } };
  const { rule } = before;
  return {
    ...before,
    status: before.status === 'unverified' ? 'starting' : before.status,
    ownership: { ...proof, since, owing: true },
    rule: {
      ...rule,
      putAt: since,
      settled: false,
      ...(!rule.settled && { since: rule.since ?? rule.putAt }),
    },
    revision: before.revision + 1,
  };
}

const stands = async (deps: ProveDeps, subscription: Subscription): Promise<boolean> =>
  (await clauseAgainst(deps, subscription)) === undefined;

/** The clause by which not even a question may go to the receiver now. */
async function clauseAgainst(deps: ProveDeps, of: Subscription): Promise<string | undefined> {
  const [contract, provider, consumer] = await deps.registry.readAll([
    { noun: 'contract', id: of.contract },
    { noun: 'participant', id: of.provider },
    { noun: 'participant', id: of.consumer },
  ] as const);
  return contractClause({ contract, provider, consumer }, deps.now());
}

const callbackOf = ({ publicUrl }: ProveDeps, id: string, word: string): string | undefined =>
  publicUrl && `${publicUrl}/v1/subscriptions/${id}/consent/${word}`;

const hashOf = (word: string): string => createHash('sha256').update(word).digest('hex');

/** What was sent and what came back, in sentences. */
export const wordsOf = (asked: Asked['asked']): string =>
  asked.map(({ sent, answer }) => `The mesh sent ${sent}; the answer: ${answer}.`).join(' ');

const faultsOf = ({ ownership, destination }: Subscription) => ({
  errors: (ownership?.asked ?? []).map(({ sent, answer }) => ({
    path: destination.kind === 'webhook' ? '/destination/url' : '/destination',
    message: `${sent}: ${answer}`,
  })),
});

/** What a consumer is told whose receiver has not shown that it wants events: what was asked, and how to mend it. */
export const adviceOf = ({ id, ownership, destination }: Subscription): string =>
  [
    'The receiver has not shown that it wants these events.',
    wordsOf(ownership?.asked ?? []),
    ...(destination.kind === 'webhook'
      ? [
          `Answer OPTIONS with WebHook-Allowed-Origin: ${ownership?.origin ?? '*'},`,
          'or the challenge with 2xx and data.challenge as the body;',
        ]
      : ['Let the mesh in;']),
    `then POST /v1/subscriptions/${id}/verify. Until then its events are kept.`,
  ].join(' ');
