import type { KeyObject } from 'node:crypto';
import type { CloudEvent } from '../events/cloudevent.ts';
import type { BusEntry } from '../events/detail.ts';
import type { AuditEntry } from '../schemas/audit.ts';
import type { Contract } from '../schemas/contract.ts';
import type { Dataset, JsonSchema, PublishableType, SchemaVersion } from '../schemas/dataset.ts';
import type { Delivery, DeliveryStatus } from '../schemas/delivery.ts';
import type { ErasedKeys, Erasure } from '../schemas/erasure.ts';
import type { Channel, Notice, Publication } from '../schemas/notice.ts';
import type { ApiKey, Participant } from '../schemas/participant.ts';
import type { Fault } from '../schemas/problem.ts';
import type { Replay } from '../schemas/replay.ts';
import type { Upload } from '../schemas/upload.ts';
import type { SchemaPlan } from '../schemas/schema-plan.ts';
import type { Round, Swept } from '../schemas/round.ts';
import type { Destination, Subscription } from '../schemas/subscription.ts';
import type { DayFigures, QuotaPeriod, Tally } from '../schemas/usage.ts';

/** The present instant. Domain functions take it, so that tests and sweeps choose it. */
export type Clock = () => Date;

// ── ledger ──────────────────────────────────────────────────────────────────────────────────────────────────

/** One accepted event. `key` is derived from dataset, source and id (`events/key.ts`). */
export interface LedgerEntry {
  key: string;
  /** A ULID: the event's `sequence`. */
  sequence: string;
  dataset: string;
  provider: string;
  type: string;
  schemaVersion: number;
  /** SHA-256, hex, as api.md defines it. */
  digest: string;
  /** The event as stored: canonical JSON (RFC 8785), so that both doors store the same bytes. */
  body: string;
  /** The name of its data, where that is kept apart because it is large. */
  payload?: string;
  /** Epoch seconds after which it is hidden and then deleted. */
  expires: number;
}

/** What became of one entry: `conflict` is the same key with another digest, `erased` one that left its tombstone. */
export type AppendResult = 'accepted' | 'duplicate' | 'conflict' | 'erased' | 'failed';

/** What the ledger has at a key: an event, or the tombstone of one. */
export interface LedgerPlace {
  sequence: string;
  type: string;
  erased: boolean;
  /** The name of its data, where that is kept apart. */
  payload?: string;
}

/** The durable store of accepted events. */
export interface Ledger {
  /**
   * Appends each entry unless its key is there; entries stand for themselves. Keys within one call must differ.
   * `failed` is throttling or conflict that outlived the retries: send it again.
   */
  append(entries: LedgerEntry[]): Promise<AppendResult[]>;
  /** The entries with these keys, in order; undefined where there is none, it was erased or has expired at `now`. */
  read(keys: string[], now: Date): Promise<(LedgerEntry | undefined)[]>;
  /** Keys and sequences of a dataset's events accepted from `from` (inclusive) to `to` (exclusive), oldest first. */
  history(dataset: string, from: Date, to: Date): AsyncIterable<{ key: string; sequence: string }[]>;
  /** What stands at a key at `now`, tombstones included; strongly consistent. */
  place(key: string, now: Date): Promise<LedgerPlace | undefined>;
  /** Takes the event away and leaves its key, sequence and digest; content when that was done or it is gone. */
  erase(key: string, sequence: string): Promise<void>;
  /** Deletes entries, each unless another event has taken its key; answers how many went, and their data kept apart. */
  remove(places: { key: string; sequence: string }[]): Promise<{ removed: number; payloads: string[] }>;
}

/** A request that is signed: to be sent with these headers as they are. */
export interface SignedPut {
  url: string;
  headers: Record<string, string>;
}

/** Large data, kept apart from its events under names of the form `until/{day}/…`, which say when it is forgotten. */
export interface Payloads {
  /** Throws unless it was kept. */
  put(payload: { name: string; body: Buffer; contentType: string }): Promise<void>;
  /** Undefined where there is none. */
  read(name: string): Promise<Buffer | undefined>;
  /** Its bytes from one on as they come, without holding them; undefined where there is none. */
  open(name: string, from?: number): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** A request by which anybody can put these very bytes there, and nothing else, for so many seconds. */
  linkToPut(
    name: string,
    file: { contentType: string; bytes: number; sha256: string },
    seconds: number,
  ): Promise<SignedPut>;
  /** Begins a file that is put in parts; answers what they are called together. */
  beginParts(name: string, contentType: string): Promise<string>;
  /** A request by which anybody can put one part, counted from 1, of so many bytes, for so many seconds. */
  linkToPart(
    name: string,
    parts: string,
    part: { number: number; bytes: number },
    seconds: number,
  ): Promise<SignedPut>;
  /**
   * Makes so many parts one file, those that are named or all there are: false where they are not, or no longer, there.
   */
  joinParts(
    name: string,
    parts: string,
    count: number,
    of?: { part: number; etag: string }[],
  ): Promise<boolean>;
  /** Forgets the parts that were put; content when there are none. */
  dropParts(name: string, parts: string): Promise<void>;
  /** Keeps what is under one name under another too, its bytes alone, without reading them: false where there is none. */
  copy(from: string, to: { name: string; contentType: string }): Promise<boolean>;
  /** A URL by which anybody can fetch it for so many seconds. */
  link(name: string, seconds: number): Promise<string>;
  /** The days of which there is data, in order. */
  days(): Promise<string[]>;
  /** Deletes the data of a day; answers how many. */
  removeDay(day: string): Promise<number>;
  /** The names of a day that go on with this beginning. */
  names(day: string, beginning: string): Promise<string[]>;
  /** Content when there is none. */
  remove(name: string): Promise<void>;
}

// ── bus and rules ───────────────────────────────────────────────────────────────────────────────────────────

/** What travels on the shared bus and is matched by rules: the event and what the mesh knows of it. */
export interface RoutedEvent {
  key: string;
  sequence: string;
  dataset: string;
  schemaVersion: number;
  /** The name of its data, where that is kept apart because it is large. */
  payload?: string;
  event: CloudEvent;
}

/** The shared buses. */
export interface Bus {
  /** Puts each event once on each bus in use; answers the indices of those that some bus did not take. */
  put(events: RoutedEvent[]): Promise<number[]>;
}

/** A subscription's rule, as a projection of the registry. */
export interface Rule {
  name: string;
  bus: string;
  /** The composed event pattern, as JSON. */
  pattern: string;
  subscription: Pick<Subscription, 'id' | 'contract' | 'dataset' | 'provider' | 'consumer'>;
}

/** The rules on the shared buses, whose target is the delivery queue. */
export interface Rules {
  /** Makes or replaces a rule with its target. */
  put(rule: Rule): Promise<void>;
  /** Removes a rule with its target; content when there is none. */
  remove(bus: string, name: string): Promise<void>;
  /** Names and patterns of all subscription rules on all buses. */
  list(): Promise<{ bus: string; name: string; pattern: string }[]>;
}

/** The buses on which participants publish with the AWS SDK. */
export interface IngressBuses {
  /** Makes the participant's bus with its rule and policy, or brings them up to date; answers the bus ARN. */
  ensure(participant: Pick<Participant, 'id' | 'awsAccount'>): Promise<string>;
}

/** Accepted events that may not have reached the bus: by key, or all of a span of time. */
export type Gap = { keys: string[] } | GapSpan;

/** All that was accepted from an instant (included) to another (not included). */
export interface GapSpan {
  from: Date;
  to: Date;
  /** How far it was routed again: every dataset before this one, by id, and of this one what was accepted before. */
  done?: { dataset: string; before: Date } | undefined;
}

/** A copy of an event that could not be delivered, or not be accepted: by its key, or by its publisher's id. */
export interface DeadLetter {
  lease: string;
  /** Undefined where it cannot be read. */
  copy: { key: string } | { id: string } | undefined;
}

/** What was set aside on the way, with the events in it. */
export interface DeadLetters {
  /** Some that nobody holds, held from now on for a minute; none when all are. */
  receive(): Promise<DeadLetter[]>;
  remove(lease: string): Promise<void>;
  /** Lets others see at once what was held here. */
  leave(lease: string): Promise<void>;
  /** About how many somebody holds: SQS counts over several servers. */
  held(): Promise<number>;
}

/** The dead-letter queues, by the names that operators know them by. */
export type SetAsideQueue = 'delivery-dead' | 'rule-dead' | 'route-dead' | 'admit-dead';

/** What a dead letter is: a delivery, what a subscription's rule matched, an entry of an ingress bus, or no one knows. */
export type SetAsideLetter =
  | { kind: 'delivery'; message: DeliveryMessage }
  | { kind: 'matched'; subscription: string; event: { key: string; sequence: string } }
  | { kind: 'entry'; entry: { participant: string; event: BusEntry } }
  | { kind: 'unreadable' };

/** The dead-letter queues, for whoever sends what lies there on its way again. */
export interface SetAside {
  /** About how many lie there. */
  count(queue: SetAsideQueue): Promise<number>;
  /** At most ten that were not taken lately; none when all were. `since` is when what lies there was sent. */
  take(queue: SetAsideQueue): Promise<{ lease: string; letter: SetAsideLetter; since: Date }[]>;
  remove(queue: SetAsideQueue, lease: string): Promise<void>;
  /** Lets others take it at once. */
  leave(queue: SetAsideQueue, lease: string): Promise<void>;
}

/** What waits to be routed again, in a queue of its own, so that nothing which the bus refuses blocks the stream. */
export interface RouteGaps {
  /** Throws unless it was taken. */
  report(gap: Gap): Promise<void>;
  /** Keeps the key of a row of the ledger that cannot be read, for an operator to look at. Throws unless it was taken. */
  setAside(row: { key: string; because: string }): Promise<void>;
  /** Those that wait, at most ten, each with the lease by which it is closed; undefined for what is no gap. */
  receive(): Promise<{ gap: Gap | undefined; lease: string }[]>;
  close(lease: string): Promise<void>;
}

// ── deliveries ──────────────────────────────────────────────────────────────────────────────────────────────

/** A wake-up on the delivery queue: one event for one subscription. */
export interface DeliveryMessage {
  subscription: Pick<Subscription, 'id' | 'contract' | 'dataset' | 'provider' | 'consumer'>;
  /** With its event as routed, or only a reference to the ledger. */
  event: RoutedEvent | { key: string; sequence: string };
  /**
   * Set on what waited and goes again. `attempts` is the record's count when it was sent: a message whose count
   * no longer stands has been overtaken by another one and is dropped.
   */
  again?: { delivery: string; attempts: number };
  /** The replay that sends it: another delivery of the same event, marked as such. */
  replay?: string;
  /** How often the clock has sent it on its way again out of the dead letters. */
  redriven?: number;
}

/** The fair queue between bus and `deliver`. */
export interface DeliveryQueue {
  /** Sends each message after a delay of 0 to 900 s; throws unless all were taken. */
  send(messages: { message: DeliveryMessage; delaySeconds: number }[]): Promise<void>;
}

/** The durable store of deliveries. */
export interface Deliveries {
  /** By id, in order, strongly consistent. */
  read(ids: string[]): Promise<(Delivery | undefined)[]>;
  /**
   * Writes all, with what is counted of them in the same call; throws unless all were written. The last write of one
   * delivery wins; a tally is written again without counting twice.
   */
  write(deliveries: Delivery[], tallies?: Tally[]): Promise<void>;
  /** A subscription's deliveries, newest event first. */
  list(
    subscription: string,
    query: { status?: DeliveryStatus; since?: Date },
    page: PageRequest,
  ): Promise<Page<Delivery>>;
  /** The deliveries of one event to a subscription, replays included; its index may be seconds behind. */
  ofEvent(subscription: string, sequence: string): Promise<Delivery[]>;
  /** Writes one delivery if what is stored is still `before`, whatever its due date: false when it has moved. */
  replace(before: Delivery, item: Delivery): Promise<boolean>;
  /** Deletes at most `most` of a subscription's deliveries of events accepted before an instant; answers how many. */
  removeBefore(subscription: string, before: Date, most: number): Promise<number>;
  /** Those due at or before `now`, page by page, but for those that wait for an endpoint. */
  due(now: Date): AsyncIterable<Delivery[]>;
  /** Of those that wait for a subscription's endpoint the oldest, at most so many; its index may be seconds behind. */
  waiting(subscription: string, most: number): Promise<Delivery[]>;
  /** Takes the due date away if it is still `dueAt`: false when it has moved. */
  released(id: string, dueAt: string): Promise<boolean>;
}

/** What contracts gave, counted by the tallies that are written with the deliveries. */
export interface Usage {
  /** A contract's figures of each day from `from` to `to` (UTC, both included) that has any, in order. */
  days(contract: string, from: string, to: string): Promise<DayFigures[]>;
  /** Folds the tallies that are older than a minute at `now` into the totals of their days; answers how many. */
  fold(now: Date): Promise<number>;
}

/** The events that quotas still give, counted so that all takers together never get more than the limit. */
export interface Quotas {
  /** Takes at most `count` of what is left of a period; answers how many it got. */
  take(period: QuotaPeriod, count: number): Promise<number>;
  /** Gives back what was taken and not used. */
  giveBack(period: QuotaPeriod, count: number): Promise<void>;
  /** How many of a period are taken. */
  taken(period: Pick<QuotaPeriod, 'contract' | 'period'>): Promise<number>;
}

/** What is counted of the requests to one receiver, for all functions together. */
export interface Passage {
  /** The minute of the last request, since 1970. */
  minute: number;
  /** How many requests may go, or went, in that minute. */
  taken: number;
  /** How many were told to come in a later minute. */
  ahead: number;
  /** How many requests each function may have open at once, and until when that is, epoch milliseconds. */
  open: Record<string, { most: number; until: number }>;
}

/** Where passages are kept; a wrong count would let too many through. */
export interface Passages {
  /** Strongly consistent; undefined where nothing is counted. */
  read(subscription: string): Promise<Passage | undefined>;
  /** Writes if what is stored is still `before`; false when it has moved. */
  replace(subscription: string, before: Passage | undefined, after: Passage): Promise<boolean>;
}

/** The queues of pull destinations; what they hold are references. */
export interface PullQueues {
  /** Makes a subscription's queue; answers its address. Content when it is there. */
  create(subscription: string): Promise<string>;
  remove(queue: string): Promise<void>;
  /** Throws unless all were taken. */
  send(queue: string, references: PullReference[]): Promise<void>;
  /**
   * At most `max` (1 to 10), each leased for so many seconds, with when it was sent; waits at most `waitSeconds` (0 to 20)
   * for the first.
   */
  receive(
    queue: string,
    max: number,
    waitSeconds: number,
    leaseSeconds: number,
  ): Promise<{ lease: string; reference: PullReference; sentAt: Date }[]>;
  /** Removes leased messages for good; answers for each whether its lease stood. */
  ack(queue: string, leases: string[]): Promise<boolean[]>;
  /** Sets the leases to end after so many seconds (0 releases); answers for each whether it stood. */
  extend(queue: string, leases: string[], seconds: number): Promise<boolean[]>;
}

/** What a pull queue holds: never the event itself. */
export interface PullReference {
  delivery: string;
  key: string;
  sequence: string;
  /** The replay that it belongs to. */
  replay?: string;
}

/** One request to a webhook, whole. */
export interface WebhookRequest {
  url: string;
  /** POST unless it says so. */
  method?: 'OPTIONS';
  headers: Record<string, string>;
  body: string | Buffer;
  timeoutMs: number;
}

/** What came back: an answer, or why there was none. `refused` is an address that must not be reached. */
export type WebhookAnswer =
  | {
      kind: 'answer';
      status: number;
      retryAfter?: string;
      /** `WebHook-Allowed-Origin` and `WebHook-Allowed-Rate`, where it has them. */
      consent?: { origin: string; rate?: string };
      body: string;
    }
  | { kind: 'no-answer'; error: string }
  | { kind: 'refused'; error: string };

/** Sends to webhooks: never follows redirects, never reaches a forbidden address, keeps connections alive. */
export type Sender = (request: WebhookRequest) => Promise<WebhookAnswer>;

/** One event as its consumer may see it, on its way to a destination. */
export interface Parcel {
  delivery: string;
  event: CloudEvent;
}

/** What signs: each secret, newest first, and the mesh's own key where it is wanted. */
export interface SigningKeys {
  secrets: string[];
  source?: KeyObject | undefined;
}

/** What a destination is handed at once: deliveries of one subscription. */
export interface Handover {
  destination: Exclude<Destination, { kind: 'pull' }>;
  parcels: Parcel[];
  /** What a webhook is signed with, and as whom the mesh asked its receiver. */
  signing: SigningKeys & { origin?: string };
  at: Date;
}

/** What came back for one parcel: `accepted` by a service of AWS, under an id of its own, or as from a webhook. */
export type HandoverAnswer = WebhookAnswer | { kind: 'accepted'; receipt: string };

/** One parcel's answer, and how many bytes were sent for it. */
export interface HandedParcel {
  answer: HandoverAnswer;
  bytes: number;
}

/**
 * Hands parcels over, in as few requests as the destination takes; answers for each, in order. What is not proven
 * taken is never `accepted`; what the destination or the network does wrong is an answer, never thrown.
 */
export type HandOver = (handover: Handover) => Promise<HandedParcel[]>;

/** Seals secrets so that a dump of the tables shows none. */
export interface Sealer {
  seal(secret: string): Promise<string>;
  unseal(sealed: string): Promise<string>;
  /** 32 bytes that stand for a purpose, derived from the sealing key and never stored. */
  derive(purpose: string): Promise<Buffer>;
}

/** One e-mail as plain text. */
export interface Mail {
  to: string;
  subject: string;
  text: string;
}

/** Sends e-mail; throws unless it was taken. */
export type Mailer = (mail: Mail) => Promise<void>;

/** Judges data by a JSON Schema 2020-12. */
export interface SchemaJudge {
  /** The faults of a schema itself: its dialect, unknown keywords, patterns outside RE2; empty when it is usable. */
  check(schema: JsonSchema): Fault[];
  /** Compiles once per `id`; answers every fault of the data, paths being JSON Pointers below `/data`. */
  judge(id: string, schema: JsonSchema): (data: unknown) => Fault[];
}

// ── registry ────────────────────────────────────────────────────────────────────────────────────────────────

/** An answer kept under its Idempotency-Key. */
export interface KeptAnswer {
  /** `{participant}/{idempotency key}`. */
  id: string;
  /** SHA-256 of method, path and body. */
  request: string;
  /** Absent while the first call is under way. Sealed. */
  answer?: string;
  expires: number;
}

/** The nouns of the registry and what they are. */
export interface Nouns {
  participant: Participant;
  key: ApiKey;
  dataset: Dataset;
  schema: SchemaVersion;
  contract: Contract;
  subscription: Subscription;
  notice: Notice;
  channel: Channel;
  publication: Publication;
  answer: KeptAnswer;
  audit: AuditEntry;
  schemaPlan: SchemaPlan;
  replay: Replay;
  upload: Upload;
  erasure: Erasure;
  erased: ErasedKeys;
  round: Round;
  swept: Swept;
}
/** The name of a noun. */
export type Noun = keyof Nouns;

/** The lists that the registry keeps, each with what selects it. Ordered by id, notices, publications and audit newest first. */
export interface Listings {
  participants: { noun: 'participant'; by: Record<never, never> };
  keysOfParticipant: { noun: 'key'; by: { participant: string } };
  /** Those with the role `dpo`; sparse. */
  keysOfDpos: { noun: 'key'; by: Record<never, never> };
  datasets: { noun: 'dataset'; by: Record<never, never> };
  /** Those whose changed offer or end has not been told to their contracts yet, or that end at a time to come; sparse. */
  datasetsToAnnounce: { noun: 'dataset'; by: Record<never, never> };
  datasetsOfProvider: { noun: 'dataset'; by: { provider: string } };
  /** Those with personal data; sparse. */
  datasetsWithPersonalData: { noun: 'dataset'; by: Record<never, never> };
  schemasOfType: { noun: 'schema'; by: { dataset: string; type: string } };
  contractsOfProvider: { noun: 'contract'; by: { provider: string } };
  contractsOfConsumer: { noun: 'contract'; by: { consumer: string } };
  contractsOfDataset: { noun: 'contract'; by: { dataset: string } };
  /** The same of one state: those that wait for a decision are few among many. */
  contractsOfProviderInState: { noun: 'contract'; by: { provider: string; state: Contract['state'] } };
  contractsOfConsumerInState: { noun: 'contract'; by: { consumer: string; state: Contract['state'] } };
  /** The territory's, by dataset (`{dataset}/{id}`) and then by id. */
  contractsInState: { noun: 'contract'; by: { state: Contract['state'] } };
  /** Those whose dates will bring something about, the next one first; sparse. */
  contractsDue: { noun: 'contract'; by: Record<never, never> };
  subscriptions: { noun: 'subscription'; by: Record<never, never> };
  /** Those whose present rule has not settled, or whose endpoint is spared, and archives; sparse. */
  subscriptionsToTend: { noun: 'subscription'; by: Record<never, never> };
  subscriptionsOfConsumer: { noun: 'subscription'; by: { consumer: string } };
  subscriptionsOfContract: { noun: 'subscription'; by: { contract: string } };
  noticesOfParticipant: { noun: 'notice'; by: { participant: string } };
  /** Those on which notices are pushed, the disabled ones left out. */
  channels: { noun: 'channel'; by: Record<never, never> };
  publicationsOfParticipant: { noun: 'publication'; by: { participant: string } };
  /** The breaking changes of schemas that are announced, and those of which not everybody has been told. */
  schemaPlans: { noun: 'schemaPlan'; by: Record<never, never> };
  replaysOfSubscription: { noun: 'replay'; by: { subscription: string } };
  /** Sparse. */
  replaysRunning: { noun: 'replay'; by: Record<never, never> };
  /** Those that may still have something in the bucket that is no event's; sparse. */
  uploadsUnswept: { noun: 'upload'; by: Record<never, never> };
  /** Newest event first. */
  erasuresOfDataset: { noun: 'erasure'; by: { dataset: string } };
  /** Those that are not done; sparse. */
  erasuresOpen: { noun: 'erasure'; by: Record<never, never> };
  /** The notices of an erasure: who received the event. */
  noticesOfErasure: { noun: 'notice'; by: { subject: string } };
  auditOfDay: { noun: 'audit'; by: { day: string } };
  auditOfParticipant: { noun: 'audit'; by: { participant: string } };
  auditOfThing: { noun: 'audit'; by: { about: string } };
}
/** The name of a list. */
export type Listing = keyof Listings;

/** A page: at most `limit` items after `cursor`. */
export interface PageRequest {
  limit: number;
  cursor?: string;
  /** Begins behind this id and goes on to later ones, whatever the list's own order. */
  after?: string;
}
/** Items and where the next page begins; null at the end. */
export interface Page<Item> {
  items: Item[];
  next: string | null;
}

/** One thing of the registry, by noun and id. A schema's id is `schemaId(dataset, type, version)`. */
export interface Ref<N extends Noun = Noun> {
  noun: N;
  id: string;
}

/** One conditional change; a transaction of them is all or nothing. */
export type Change = {
  [N in Noun]:
    | { do: 'create'; noun: N; item: Nouns[N] }
    /** Replaces `before`, if it is still what is stored. The id never changes. */
    | { do: 'replace'; noun: N; before: Nouns[N]; item: Nouns[N] }
    | { do: 'remove'; noun: N; id: string }
    /** Changes nothing, but fails the transaction unless `before` is still what is stored. */
    | { do: 'expect'; noun: N; before: Nouns[N] };
}[Noun];

/** The durable store of participants, keys, datasets, contracts and subscriptions. */
export interface Registry {
  /** Strongly consistent. Keeps nothing that has `expires` behind `now`. */
  read<N extends Noun>(noun: N, id: string): Promise<Nouns[N] | undefined>;
  /** Strongly consistent, in one call up to 100. */
  readAll<const R extends readonly Ref[]>(
    refs: R,
  ): Promise<{ -readonly [I in keyof R]: Nouns[R[I]['noun']] | undefined }>;
  list<L extends Listing>(
    listing: L,
    by: Listings[L]['by'],
    page: PageRequest,
  ): Promise<Page<Nouns[Listings[L]['noun']]>>;
  /** All or nothing, at most 100 changes; false when a condition did not hold. */
  write(changes: Change[]): Promise<boolean>;
  /** Every type that a provider may publish, strongly consistent; a projection of its datasets, written with them. */
  publishable(provider: string): Promise<PublishableType[]>;
}

/** The registry without its lists: what the functions of the flow need. */
export type Records = Omit<Registry, 'list'>;
