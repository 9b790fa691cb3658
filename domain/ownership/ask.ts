import { milliseconds } from '../../schemas/duration.ts';
import type { AllowedRate, Asking, Ownership } from '../../schemas/ownership.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import { signingOf } from '../deliver/signing.ts';
import { webhookRequest } from '../deliver/wire.ts';
import { newId, type Random } from '../ids.ts';
import type { Clock, HandOver, Handover, HandoverAnswer, Sealer, Sender } from '../ports.ts';
import { originOf } from '../source.ts';

/** The type of the event by which a receiver is challenged. */
export const CHALLENGE_TYPE = 'maille.challenge.v1';
/** The type of the first event that a destination of AWS gets: its policy lets the mesh in, or does not. */
export const VERIFICATION_TYPE = 'maille.verification.v1';
/** The API answers within 29 s, and asking may take two requests. */
const ASKED_AT_MOST_MS = 8000;

/** What asking a receiver led to. */
export interface Asked {
  proof: Exclude<Ownership['proof'], 'callback'>;
  /** The receiver named somebody else: it knows the handshake, and does not want this mesh. */
  refused?: boolean;
  allowedRate?: AllowedRate;
  asked: Asking[];
}

/** To whom events are to go, and by what they are signed. */
export type Receiving = Pick<Subscription, 'id' | 'destination' | 'secrets'>;

/** Asks a receiver whether it wants events; `callback` is where it may say so later. */
export type AskOwner = (receiving: Receiving, callback?: string) => Promise<Asked>;

/** What asking needs of the world. */
export interface AskOwnerDeps {
  send: Sender;
  handOver: HandOver;
  sealer: Pick<Sealer, 'unseal' | 'derive'>;
  random: Random;
  now: Clock;
  publicUrl?: string | undefined;
  territory: Pick<Territory, 'id' | 'webhookTimeout' | 'webhookOwnership'>;
}

type Webhook = Subscription['destination'] & { kind: 'webhook' };

/**
 * Asks by the handshake of CloudEvents (HTTP webhook, section 4), and who does not know it by a signed challenge, unless
 * the territory takes such receivers as they are. A destination of AWS is asked by an event: who owns it says in its
 * policy whom it lets in.
 */
export function ownerAsker(deps: AskOwnerDeps): AskOwner {
  return async (subscription, callback) => {
    const { destination } = subscription;
    if (destination.kind === 'pull') return { proof: 'not-asked', asked: [] };
    if (destination.kind !== 'webhook') return letIn(deps, subscription, destination);
    const handshake = await shakeHands(deps, destination, callback);
    if (handshake.proof !== 'none' || handshake.refused) return handshake;
    if (deps.territory.webhookOwnership === 'offered') return { ...handshake, proof: 'not-asked' };
    const challenge = await challenged(deps, subscription, destination);
    return { ...challenge, asked: [...handshake.asked, ...challenge.asked] };
  };
}

const limit = ({ webhookTimeout }: AskOwnerDeps['territory']): number =>
  Math.min(milliseconds(webhookTimeout), ASKED_AT_MOST_MS);

async function shakeHands(
  deps: AskOwnerDeps,
  { url, concurrency }: Webhook,
  callback: string | undefined,
): Promise<Asked> {
  const origin = originOf(deps);
  const answer = await deps.send({
    url,
    method: 'OPTIONS',
    headers: {
      'user-agent': 'Maille',
      'webhook-request-origin': origin,
      // A minute of so many side by side, where each takes a second.
      'webhook-request-rate': String(concurrency * 60),
      ...(callback !== undefined && { 'webhook-request-callback': callback }),
    },
    body: '',
    timeoutMs: limit(deps.territory),
  });
  const sent = `OPTIONS with WebHook-Request-Origin: ${origin}`;
  const consent = answer.kind === 'answer' ? answer.consent : undefined;
  if (!consent) return { proof: 'none', asked: [told(sent, answer, 'without WebHook-Allowed-Origin')] };
  const asked = [told(sent, answer, `with WebHook-Allowed-Origin: ${consent.origin.slice(0, 200)}`)];
  if (!names(consent.origin, origin)) return { proof: 'none', refused: true, asked };
  const rate = rateOf(consent.rate);
  return { proof: 'handshake', ...(rate !== undefined && { allowedRate: rate }), asked };
}

const names = (allowed: string, origin: string): boolean =>
  allowed.trim() === '*' || allowed.trim().toLowerCase() === origin.toLowerCase();

/** `WebHook-Allowed-Rate` as a number of events a minute; undefined for what is none. */
export function rateOf(text: string | undefined): AllowedRate | undefined {
  if (text?.trim() === '*') return '*';
  const rate = Number(text);
  return Number.isSafeInteger(rate) && rate > 0 ? rate : undefined;
}

/** An event of the mesh's own to a subscription, before all others. */
const firstEvent = (deps: AskOwnerDeps, subject: string, type: string, data: object) => {
  const at = deps.now();
  const id = newId('delivery', at, deps.random);
  const event = {
    specversion: '1.0' as const,
    id,
    source: `//${deps.territory.id}`,
    type,
    subject,
    time: at.toISOString(),
    datacontenttype: 'application/json',
    data: { ...data, subscription: subject },
  };
  return { id, at, event };
};

async function letIn(
  deps: AskOwnerDeps,
  { id: subject }: Receiving,
  destination: Exclude<Handover['destination'], { kind: 'webhook' }>,
): Promise<Asked> {
  const { id, at, event } = firstEvent(deps, subject, VERIFICATION_TYPE, {});
  const parcels = [{ delivery: id, event }];
  const [handed] = await deps.handOver({ destination, parcels, signing: { secrets: [] }, at });
  const answer = handed?.answer ?? { kind: 'no-answer', error: 'Nothing was said of it' };
  const asked = [told(`a ${VERIFICATION_TYPE} event`, answer)];
  return { proof: answer.kind === 'accepted' ? 'policy' : 'none', asked };
}

async function challenged(deps: AskOwnerDeps, subscription: Receiving, destination: Webhook): Promise<Asked> {
  const challenge = deps.random(32).toString('base64url');
  // Its secret is yet to be shown to the consumer: the published key is what a receiver can verify by.
  const signed: Webhook = { ...destination, mode: 'structured', signatures: ['v1', 'v1a'] };
  const { id, at, event } = firstEvent(deps, subscription.id, CHALLENGE_TYPE, { challenge });
  const keys = await signingOf(deps.sealer, { ...subscription, destination: signed }, at);
  const timeoutMs = limit(deps.territory);
  const answer = await deps.send(webhookRequest(signed, event, { ...keys, id, at, timeoutMs }));
  const met = answer.kind === 'answer' && isSuccess(answer.status) && echoes(answer.body, challenge);
  const asked = [told(`a signed ${CHALLENGE_TYPE} event`, answer, met ? 'with' : 'without', 'the challenge')];
  return { proof: met ? 'challenge' : 'none', asked };
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/** The challenge itself, or JSON with it; who sends back all that came has shown nothing. */
function echoes(body: string, challenge: string): boolean {
  if (body.trim() === challenge) return true;
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null) return parsed === challenge;
    return 'challenge' in parsed && parsed.challenge === challenge;
  } catch {
    return false;
  }
}

function told(sent: string, answer: HandoverAnswer, ...words: string[]): Asking {
  if (answer.kind === 'accepted') return { sent, answer: 'taken' };
  if (answer.kind !== 'answer') return { sent, answer: answer.error };
  const redirects = answer.status >= 300 && answer.status < 400 ? ['(redirects are not followed)'] : [];
  return { sent, answer: [String(answer.status), ...redirects, ...words].join(' ') };
}
