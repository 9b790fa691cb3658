import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';
import type { Channel, NoticesRequest } from '../../schemas/notice.ts';
import type { Caller } from '../../schemas/participant.ts';
import { type Fault, ProblemError } from '../../schemas/problem.ts';
import type { Territory } from '../../schemas/territory.ts';
import { type ControlDeps, overtaken } from '../control.ts';
import { newUlid } from '../ids.ts';
import type { AskOwner } from '../ownership/ask.ts';
import { wordsOf } from '../ownership/prove.ts';
import type { Change, Registry, Sealer } from '../ports.ts';
import { originOf } from '../source.ts';
import type { CheckWebhookUrl } from '../subscriptions/check.ts';
import { makeSecret } from '../subscriptions/subscribe.ts';

const KINDS = ['webhook', 'email'] as const;

/** What asking for notices needs of the world. */
export interface AskDeps extends ControlDeps {
  sealer: Pick<Sealer, 'seal'>;
  checkWebhookUrl: CheckWebhookUrl;
  /** Asks a receiver whether it wants what is to be pushed to it. */
  askOwner: AskOwner;
  /** Where the mesh answers. */
  publicUrl?: string | undefined;
  territory: Pick<Territory, 'id' | 'noticeSender'>;
}

/** How a participant's notices are pushed, and how that goes. */
export type PushedTo = Partial<Record<Channel['kind'], string>> & {
  channels: Pick<Channel, 'kind' | 'status' | 'dueAt' | 'error'>[];
};

/** The id of a participant's channel of a kind. */
export const channelId = (participant: string, kind: Channel['kind']): string => `${participant}#${kind}`;

/** How the caller's notices are pushed. */
export async function pushedTo(
  registry: Pick<Registry, 'readAll'>,
  { participant }: Caller,
): Promise<PushedTo> {
  return viewOf((await channelsOf(registry, participant)).flatMap((channel) => channel ?? []));
}

/**
 * Has the caller's notices pushed, from now on; where it asks for the same address again, from where it stopped. The
 * secret that signs is answered once, when the URL is new.
 */
export async function askForNotices(
  deps: AskDeps,
  { participant }: Caller,
  request: NoticesRequest,
): Promise<PushedTo & { secret?: string }> {
  refuseAddresses(deps, request);
  const before = await channelsOf(deps.registry, participant);
  const changes: Change[] = [];
  const kept: Channel[] = [];
  let secret: string | undefined;
  for (const [index, kind] of KINDS.entries()) {
    const [old, address] = [before[index], request[kind]];
    if (address === undefined) {
      if (old) changes.push({ do: 'remove', noun: 'channel', id: old.id });
      continue;
    }
    const isNew = old?.address !== address;
    if (isNew && kind === 'webhook') secret = makeSecret(deps.random);
    const item = isNew ? await opened(deps, participant, kind, address, secret) : resumed(old);
    if (isNew && kind === 'webhook') await refuseUnlessWanted(deps, item);
    kept.push(item);
    if (old) changes.push({ do: 'replace', noun: 'channel', before: old, item });
    else changes.push({ do: 'create', noun: 'channel', item });
  }
  if (changes.length > 0 && !(await deps.registry.write(changes))) throw overtaken('channel', participant);
  return { ...viewOf(kept), ...(secret !== undefined && { secret }) };
}

async function opened(
  deps: AskDeps,
  participant: string,
  kind: Channel['kind'],
  address: string,
  secret: string | undefined,
): Promise<Channel> {
  const now = deps.now();
  return {
    id: channelId(participant, kind),
    participant,
    kind,
    address,
    ...(kind === 'webhook' && secret !== undefined && { sealed: await deps.sealer.seal(secret) }),
    ...(kind === 'webhook' && { origin: originOf(deps) }),
    status: 'active',
    after: ID_PREFIXES.notice + newUlid(now, deps.random),
    attempts: 0,
    createdAt: now.toISOString(),
  };
}

/** Nothing is pushed to who has not shown that it wants it, as with subscriptions; what is refused can be asked again. */
async function refuseUnlessWanted(deps: AskDeps, { id, address: url, sealed = '' }: Channel): Promise<void> {
  const destination = { kind: 'webhook', url, mode: 'structured', concurrency: 1 } as const;
  const { proof, asked } = await deps.askOwner({ id, destination, secrets: [{ sealed }] });
  if (proof !== 'none') return;
  const message = `${wordsOf(asked)} Answer OPTIONS with WebHook-Allowed-Origin: ${originOf(deps)}, or the challenge.`;
  const errors = [{ path: '/webhook', message }];
  throw new ProblemError('not-valid', 'The receiver has not shown that it wants notices', { errors });
}

function resumed({ dueAt: _, error: __, ...channel }: Channel): Channel {
  return { ...channel, status: 'active', attempts: 0 };
}

function refuseAddresses(deps: AskDeps, { webhook, email }: NoticesRequest): void {
  const errors: Fault[] = [];
  const wrong = webhook === undefined ? undefined : deps.checkWebhookUrl(webhook);
  if (wrong !== undefined) errors.push({ path: '/webhook', message: wrong });
  if (email !== undefined && deps.territory.noticeSender === undefined) {
    const message =
      'cannot be used: this territory has no sender of e-mail; use a webhook, or ask the operator';
    errors.push({ path: '/email', message });
  }
  if (errors.length === 0) return;
  throw new ProblemError('not-valid', `The request is not valid: ${errors.length} error(s)`, { errors });
}

const channelsOf = (
  registry: Pick<Registry, 'readAll'>,
  participant: string,
): Promise<(Channel | undefined)[]> =>
  registry.readAll(KINDS.map((kind) => ({ noun: 'channel', id: channelId(participant, kind) }) as const));

function viewOf(channels: Channel[]): PushedTo {
  return {
    ...Object.fromEntries(channels.map(({ kind, address }) => [kind, address])),
    channels: channels.map(({ kind, status, dueAt, error }) => ({
      kind,
      status,
      ...(dueAt !== undefined && { dueAt }),
      ...(error !== undefined && { error }),
    })),
  };
}
