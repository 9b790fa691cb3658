import { createHash, timingSafeEqual } from 'node:crypto';
import type { ApiKey, Caller, KeyRequest, Participant } from '../schemas/participant.ts';
import { newUlid, type Random } from './ids.ts';
import type { Clock, Registry } from './ports.ts';

const KEY_TEXT = /^maille_([a-z0-9][a-z0-9-]{0,61}[a-z0-9])_([0-9A-Z]{26})_([A-Za-z0-9_-]{43})$/;
const NO_HASH = Buffer.alloc(32).toString('hex');

/** What an API key's text tells: whose it is, its id and its secret. */
export interface ParsedKey {
  participant: string;
  id: string;
  secret: string;
}

/** Who asks, with what the registry knew of them at one instant. A suspended participant is identified too. */
export interface Identity {
  caller: Caller;
  participant: Participant;
  key: ApiKey;
}

/** What {@link identify} needs of the world. */
export interface IdentifyDeps {
  registry: Pick<Registry, 'readAll'>;
  now: Clock;
}

/** Reads `maille_{participant}_{ULID}_{secret}`; undefined when the text is no key. */
export function parseKey(text: string): ParsedKey | undefined {
  const [, participant, ulid, secret] = KEY_TEXT.exec(text) ?? [];
  if (participant === undefined || ulid === undefined || secret === undefined) return undefined;
  return { participant, id: `key_${ulid}`, secret };
}

/** The SHA-256 of a key's secret, hex: all that the registry keeps of it. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Makes a key of 256 random bits: the text is shown once, the item is kept. */
export function makeKey(
  participant: string,
  now: Date,
  random: Random,
  request: Pick<KeyRequest, 'label'> & Partial<KeyRequest> = { label: 'first key' },
): { text: string; item: ApiKey } {
  const ulid = newUlid(now, random);
  const secret = random(32).toString('base64url');
  const item: ApiKey = {
    id: `key_${ulid}`,
    participant,
    hash: hashSecret(secret),
    label: request.label,
    scopes: request.scopes ?? ['publish', 'consume', 'manage'],
    ...(request.role !== undefined && { role: request.role }),
    ...(request.expiresAt !== undefined && { expiresAt: request.expiresAt }),
    createdAt: now.toISOString(),
  };
  return { text: `maille_${participant}_${ulid}_${secret}`, item };
}

/** Who an `Authorization` header stands for: one strongly consistent read; undefined when it proves nobody. */
export async function identify(
  deps: IdentifyDeps,
  authorization: string | undefined,
): Promise<Identity | undefined> {
  const parsed = parseKey(bearer(authorization) ?? '');
  if (!parsed) return undefined;
  const [key, participant] = await deps.registry.readAll([
    { noun: 'key', id: parsed.id },
    { noun: 'participant', id: parsed.participant },
  ] as const);
  // Compared even when there is no such key, so that the time taken does not tell which ids exist.
  const proven = timingSafeEqual(
    Buffer.from(hashSecret(parsed.secret), 'hex'),
    Buffer.from(key?.hash ?? NO_HASH, 'hex'),
  );
  if (!proven || !key || !participant || key.participant !== participant.id) return undefined;
  if (isExpired(key, deps.now())) return undefined;
  return { caller: callerOf(participant, key), participant, key };
}

/** {@link identify} with answers at most `freshnessMs` old, at most `max` of them; who is unknown is asked again. */
export function cachedIdentify(
  deps: IdentifyDeps,
  { freshnessMs, max = 1000 }: { freshnessMs: number; max?: number },
): (authorization: string | undefined) => Promise<Identity | undefined> {
  const known = new Map<string, { identity: Identity; readAt: number }>();
  return async (authorization) => {
    if (authorization === undefined) return undefined;
    const hit = known.get(authorization);
    // The age counts from before the read: what it answered may be that old already.
    const asked = deps.now();
    if (hit && asked.getTime() - hit.readAt < freshnessMs) {
      return isExpired(hit.identity.key, asked) ? undefined : hit.identity;
    }
    known.delete(authorization);
    const identity = await identify(deps, authorization);
    if (!identity) return undefined;
    known.delete(authorization);
    known.set(authorization, { identity, readAt: asked.getTime() });
    for (const oldest of known.keys()) {
      if (known.size <= max) break;
      known.delete(oldest);
    }
    return identity;
  };
}

const bearer = (authorization: string | undefined): string | undefined =>
  /^Bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1];

/** Whether a key identifies nobody any more. */
export const isExpired = (key: ApiKey, now: Date): boolean =>
  key.expiresAt !== undefined && Date.parse(key.expiresAt) <= now.getTime();

const callerOf = (participant: Participant, key: ApiKey): Caller => ({
  participant: participant.id,
  key: key.id,
  roles: key.role ? [...participant.roles, key.role] : [...participant.roles],
  scopes: key.scopes,
});
