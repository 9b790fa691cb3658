import { describe, expect, it } from 'vitest';
import {
  type JudgedEvent,
  type Standing,
  standingClause,
  verdictOn,
} from '../../../domain/deliver/verdict.ts';
import { contractState } from '../../../schemas/contract.ts';
import type { MinimisationClause } from '../../../schemas/dataset.ts';
import { subscriptionStatus } from '../../../schemas/subscription.ts';
import { given } from '../../given.ts';

const now = new Date('2026-03-01T10:00:00Z');
const event: JudgedEvent = { type: 'org.example.co2.v1', acceptedAt: now, jsonData: true };

function standing(more: Partial<Standing> = {}): Standing {
  const dataset = given.dataset({ retentionDays: 30 });
  const contract = given.contract({ state: 'active', from: '2026-01-01T00:00:00Z' });
  return {
    subscription: given.subscription({ status: 'active' }),
    contract,
    dataset,
    provider: given.participant({ id: contract.provider, status: 'active' }),
    consumer: given.participant({ id: contract.consumer, status: 'active' }),
    ...more,
  };
}
const withClauses = (minimisation: MinimisationClause[]): Standing => {
  const contract = given.contract({ state: 'active', from: '2026-01-01T00:00:00Z' });
  return standing({ contract: { ...contract, terms: { ...contract.terms, minimisation } } });
};

describe('the verdict', () => {
  it('delivers what everything covers', () => {
    expect(verdictOn(standing(), event, now)).toEqual({ kind: 'deliver', clause: 'contract.terms' });
  });

  it.each(contractState.options.filter((state) => state !== 'active'))(
    'withholds under a contract that is %s',
    (state) => {
      expect(verdictOn(standing({ contract: given.contract({ state }) }), event, now)).toEqual({
        kind: 'withhold',
        clause: `contract.state=${state}`,
      });
    },
  );

  it.each(subscriptionStatus.options)('knows what to do of a subscription that is %s', (status) => {
    const withheld = ['unverified', 'paused', 'disabled', 'ended'].includes(status);
    expect(verdictOn(standing({ subscription: given.subscription({ status }) }), event, now).kind).toBe(
      withheld ? 'withhold' : 'deliver',
    );
  });

  it('withholds what a filter selects by a field that terms have come to hide since', () => {
    const clause = { clause: 'no-room', do: 'drop', path: '/data/room' } as const;
    const filtered = (filter: Record<string, unknown>) => ({
      ...withClauses([clause]),
      subscription: given.subscription({ status: 'active', filter }),
    });
    expect(verdictOn(filtered({ data: { room: ['12'] } }), event, now)).toEqual({
      kind: 'withhold',
      clause: 'subscription.filter=minimisation.no-room',
    });
    const suspended = { ...filtered({ data: { room: ['12'] } }), provider: undefined };
    expect(verdictOn(suspended, event, now).clause).toBe('subscription.filter=minimisation.no-room');
    expect(verdictOn(filtered({ data: { co2: [{ numeric: ['>', 1000] }] } }), event, now).kind).toBe(
      'redact',
    );
  });

  it.each(['subscription', 'contract', 'dataset', 'provider', 'consumer'] as const)(
    'withholds without its %s',
    (noun) => {
      const verdict = verdictOn(standing({ [noun]: undefined }), event, now);
      expect(verdict.kind).toBe('withhold');
      expect(verdict.clause).toContain(noun);
    },
  );

  it.each(['provider', 'consumer'] as const)('withholds while the %s is suspended', (party) => {
    const suspended = given.participant({ status: 'suspended' });
    expect(verdictOn(standing({ [party]: suspended }), event, now).clause).toBe(`${party}.status=suspended`);
  });

  it('withholds before the contract begins and from the instant it ends', () => {
    const contract = given.contract({
      state: 'active',
      from: now.toISOString(),
      until: '2026-04-01T00:00:00Z',
    });
    const at = (time: string) =>
      verdictOn(standing({ contract }), { ...event, acceptedAt: new Date(time) }, new Date(time));
    expect(at('2026-03-01T09:59:59.999Z').clause).toBe('contract.from');
    expect(at('2026-03-01T10:00:00Z').kind).toBe('deliver');
    expect(at('2026-04-01T00:00:00Z').clause).toBe('contract.until');
  });

  it('withholds types that contract or subscription leave out', () => {
    const contract = {
      ...given.contract({ state: 'active', from: '2026-01-01T00:00:00Z' }),
      types: ['other'],
    };
    expect(verdictOn(standing({ contract }), event, now).clause).toBe('contract.types');
    const subscription = { ...given.subscription({ status: 'active' }), types: ['other'] };
    expect(verdictOn(standing({ subscription }), event, now).clause).toBe('subscription.types');
  });

  it('withholds what the dataset no longer keeps', () => {
    const acceptedAt = new Date(now.getTime() - 30 * 86_400_000);
    expect(verdictOn(standing(), { ...event, acceptedAt }, now).clause).toBe('dataset.retentionDays');
  });

  it('redacts by clauses, and names them', () => {
    const clauses: MinimisationClause[] = [
      { clause: 'no-teacher', do: 'drop', path: '/data/teacher' },
      { clause: 'coarse', do: 'round', path: '/data/co2', to: 100 },
    ];
    expect(verdictOn(withClauses(clauses), event, now)).toEqual({
      kind: 'redact',
      clause: 'minimisation.no-teacher+coarse',
    });
  });

  it('withholds data that its clauses cannot reach into', () => {
    const clauses: MinimisationClause[] = [{ clause: 'no-teacher', do: 'drop', path: '/data/teacher' }];
    expect(verdictOn(withClauses(clauses), { ...event, jsonData: false }, now)).toEqual({
      kind: 'withhold',
      clause: 'minimisation.no-teacher',
    });
  });

  it('delays from the instant of acceptance, then goes on', () => {
    const delayed = withClauses([{ clause: 'later', do: 'delay', by: 'PT15M' }]);
    const until = new Date('2026-03-01T10:15:00Z');
    expect(verdictOn(delayed, event, now)).toEqual({ kind: 'delay', clause: 'minimisation.later', until });
    expect(verdictOn(delayed, event, until)).toEqual({ kind: 'deliver', clause: 'contract.terms' });
  });
});

it('lets nothing pass at all where the standing has a clause', () => {
  expect(standingClause(standing(), now)).toBeUndefined();
  expect(standingClause(standing({ contract: given.contract({ state: 'terminated' }) }), now)).toBe(
    'contract.state=terminated',
  );
});
