import type { Contract } from '../schemas/contract.ts';
import type { Notice, Publication } from '../schemas/notice.ts';
import type { Participant } from '../schemas/participant.ts';
import type { Subscription } from '../schemas/subscription.ts';
import type { Upload } from '../schemas/upload.ts';
import { newId, type Random } from './ids.ts';
import type { Change, Page, PageRequest, Registry } from './ports.ts';

/** What the mesh states by notices: the CloudEvents types of them, by noun and what became of it. */
export const noticeType = {
  contract: (what: Contract['state'] | ContractNews) => `maille.contract.${what}.v1`,
  subscription: (status: Subscription['status'] | 'verified') => `maille.subscription.${status}.v1`,
  participant: (status: Participant['status']) =>
    `maille.participant.${status === 'active' ? 'resumed' : status}.v1`,
  dataset: (what: 'retiring' | 'retired') => `maille.dataset.${what}.v1`,
  publicationRejected: 'maille.publication.rejected.v1',
  upload: (state: Upload['state']) => `maille.upload.${state}.v1`,
  schemaPlanned: 'maille.schema.planned.v1',
  schemaChanged: 'maille.schema.changed.v1',
  schemaWithdrawn: 'maille.schema.withdrawn.v1',
  deliveryParked: 'maille.delivery.parked.v1',
  eventErased: 'maille.event.erased.v1',
} as const;

/** What happens to a contract and leaves its state as it is, as its notice names it. */
export type ContractNews =
  | 'revision-proposed'
  | 'revision-accepted'
  | 'revised'
  | 'revision-rejected'
  | 'terms-change-planned'
  | 'terms-changed'
  | 'awaits-dpo'
  | 'ending';

/** A notice to one participant, as a change of the transaction that it tells of. */
export function notify(
  to: string,
  said: Pick<Notice, 'type' | 'subject' | 'data'>,
  now: Date,
  random: Random,
): Change {
  const item: Notice = {
    id: newId('notice', now, random),
    participant: to,
    time: now.toISOString(),
    ...said,
  };
  return { do: 'create', noun: 'notice', item };
}

/** Notices go in writes of so many: a dataset may have more contracts than a transaction takes. */
const AT_ONCE = 50;

/** Writes notices to many, one portion after the other. */
export async function writeNotices(registry: Pick<Registry, 'write'>, notices: Change[]): Promise<void> {
  for (let start = 0; start < notices.length; start += AT_ONCE)
    await registry.write(notices.slice(start, start + AT_ONCE));
}

/** Tells a provider what became of its upload. */
export function uploadNotice(upload: Upload, now: Date, random: Random): Change {
  const { id, provider, dataset, type, state, event, problem } = upload;
  const data = { upload: id, dataset, type, ...(event && { event }), ...(problem && { problem }) };
  return notify(provider, { type: noticeType.upload(state), subject: id, data }, now, random);
}

/** What the last thing that happened to a contract is told as. */
function newsOf(contract: Contract): Contract['state'] | ContractNews {
  const { state, history, proposed } = contract;
  const last = history.at(-1);
  if (last?.from !== state) return state;
  switch (last.action) {
    case 'offer':
      return state === 'offered' ? state : 'revision-proposed';
    case 'extend':
      return 'revision-proposed';
    case 'accept':
      return proposed ? 'revision-accepted' : state === 'agreed' ? state : 'revised';
    case 'reject':
      return 'revision-rejected';
    case 'announce':
      return 'terms-change-planned';
    case 'bind':
      return 'terms-changed';
    default:
      return state;
  }
}

/** Tells participants what became of a contract, and who did it why. */
export function contractNotices(
  to: string[],
  contract: Contract,
  now: Date,
  random: Random,
  news = newsOf(contract),
): Change[] {
  const last = contract.history.at(-1);
  const { dataset, provider, consumer, purpose, digest, proposed, termsChange } = contract;
  const data = {
    contract: contract.id,
    dataset,
    provider,
    consumer,
    purpose,
    digest,
    from: last?.from ?? null,
    to: contract.state,
    ...(last && { by: last.by }),
    ...(last?.reason !== undefined && { reason: last.reason }),
    ...(proposed && { proposed: { digest: proposed.digest, terms: proposed.terms, until: proposed.until } }),
    ...(termsChange && { termsChange: { from: termsChange.from, terms: termsChange.terms } }),
  };
  const said = { type: noticeType.contract(news), subject: contract.id, data };
  return [...new Set(to)].map((participant) => notify(participant, said, now, random));
}

/** Reminds participants of the end of a contract, so many days before. */
export function endingNotices(to: string[], contract: Contract, now: Date, random: Random): Change[] {
  const { id, dataset, provider, consumer, until, reminded } = contract;
  const data = { contract: id, dataset, provider, consumer, until, daysBefore: reminded };
  const said = { type: noticeType.contract('ending'), subject: id, data };
  return [...new Set(to)].map((participant) => notify(participant, said, now, random));
}

/** Tells a consumer what became of its subscription; {@link StateNotice} of `deliver` once random bytes are given. */
export const subscriptionNotice =
  (random: Random) =>
  (subscription: Subscription, now: Date): Change[] => {
    const { id, contract, dataset, status, failingSince } = subscription;
    const data = {
      subscription: id,
      contract,
      dataset,
      status,
      ...(failingSince !== undefined && { failingSince }),
    };
    return [
      notify(
        subscription.consumer,
        { type: noticeType.subscription(status), subject: id, data },
        now,
        random,
      ),
    ];
  };

/** Tells a consumer that its receiver has consented, or what it was asked and has not shown yet. */
export function ownershipNotice(
  { id, contract, dataset, status, consumer, ownership }: Subscription,
  now: Date,
  random: Random,
): Change[] {
  const data = { subscription: id, contract, dataset, status, ...(ownership && askedOf(ownership)) };
  const type = noticeType.subscription(ownership?.proof === 'none' ? 'unverified' : 'verified');
  return [notify(consumer, { type, subject: id, data }, now, random)];
}

const askedOf = ({ proof, asked }: NonNullable<Subscription['ownership']>) => ({
  proof,
  ...(asked && { asked }),
});

/** Tells a consumer that a delivery was parked, and until when it can be sent again. */
export const parkedNotice =
  (random: Random) =>
  (
    { id, contract, dataset, consumer }: Subscription,
    { delivery, attempts, until }: { delivery: string; attempts: number; until: Date },
    now: Date,
  ): Change[] => {
    const data = {
      delivery,
      subscription: id,
      contract,
      dataset,
      attempts,
      releasableUntil: until.toISOString(),
    };
    return [notify(consumer, { type: noticeType.deliveryParked, subject: id, data }, now, random)];
  };

/** Keeps what the SDK door refused and tells its publisher: two changes of one transaction. */
export function refusedPublication(
  refused: Omit<Publication, 'id' | 'status' | 'at' | 'expires'>,
  { now, retentionSeconds, random }: { now: Date; retentionSeconds: number; random: Random },
): Change[] {
  const item: Publication = {
    ...refused,
    id: newId('publication', now, random),
    status: 'rejected',
    at: now.toISOString(),
    expires: Math.floor(now.getTime() / 1000) + Math.ceil(retentionSeconds),
  };
  const data = { publication: item.id, eventId: item.eventId, problem: item.problem };
  const said = { type: noticeType.publicationRejected, subject: item.id, data };
  return [{ do: 'create', noun: 'publication', item }, notify(refused.participant, said, now, random)];
}

/** A participant's notices, newest first. */
export const listNotices = (
  registry: Pick<Registry, 'list'>,
  participant: string,
  page: PageRequest,
): Promise<Page<Notice>> => registry.list('noticesOfParticipant', { participant }, page);
