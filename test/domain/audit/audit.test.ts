import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { audited, auditRefusal } from '../../../domain/audit/audited.ts';
import { type AuditQuery, listAudit } from '../../../domain/audit/list.ts';
import type { Change, Nouns, Registry } from '../../../domain/ports.ts';
import { given } from '../../given.ts';
import { type MemoryMesh, meshInMemory, problemOf } from '../mesh.ts';

const DAY = 86_400_000;
const deed = {
  by: { participant: 'atmo', key: 'key_1', roles: ['provider' as const] },
  action: 'contract.accepted',
  request: 'req-1',
};

let mesh: MemoryMesh;
beforeEach(() => {
  mesh = meshInMemory();
});
const shown = async (query: AuditQuery = {}, page = { limit: 50 }) =>
  (await listAudit(mesh.registry, query, page, mesh.now())).items;
const failingRegistry: Pick<Registry, 'write'> = { write: () => Promise.reject(new Error('no')) };
const created = (item = given.contract()): Change => ({ do: 'create', noun: 'contract', item });

const standing = given.contract();
const channel: Nouns['channel'] = {
  id: 'app#webhook',
  participant: 'app',
  kind: 'webhook',
  address: 'https://app.example.org/n',
  status: 'active',
  after: 'ntc_1',
  attempts: 0,
  createdAt: '2026-01-01T00:00:00.000Z',
};
const pushedOn = (more: Partial<Nouns['channel']>): Change => ({
  do: 'replace',
  noun: 'channel',
  before: channel,
  item: { ...channel, ...more },
});

describe('a change of the registry', () => {
  test('is written with who did it, on what, to what state', async () => {
    const contract = given.contract({ state: 'agreed' });
    const item = { ...contract, state: 'active' as const };
    await mesh.has('contract', contract);
    await audited(mesh.registry, deed, mesh).write([
      { do: 'replace', noun: 'contract', before: contract, item },
      { do: 'create', noun: 'notice', item: given.notice() },
    ]);
    expect(await shown()).toEqual([
      {
        id: expect.stringMatching(/^aud_/),
        at: mesh.now().toISOString(),
        participant: 'atmo',
        key: 'key_1',
        roles: ['provider'],
        action: 'contract.accepted',
        noun: 'contract',
        subject: contract.id,
        outcome: 'done',
        changes: [{ do: 'replace', noun: 'contract', id: contract.id, now: 'active' }],
        request: 'req-1',
      },
    ]);
  });

  test('that does not happen leaves no entry, and one that does never goes without', async () => {
    const there = await mesh.has('contract', given.contract());
    const registry = audited(mesh.registry, deed, mesh);
    expect(await registry.write([created(there)])).toBe(false);
    expect(await shown()).toEqual([]);
    const failing = audited(failingRegistry, deed, mesh);
    await expect(failing.write([created()])).rejects.toThrow('no');
  });

  test('is told without what is in it: no secret and nothing of an event can be there', async () => {
    const secrets = ['whsec-sealed', 'hash-of-key', 'https://hook.example.org/token', 'a reason'];
    const registry = audited(mesh.registry, deed, mesh);
    await registry.write([
      {
        do: 'create',
        noun: 'subscription',
        item: given.subscription({
          secrets: [{ sealed: 'whsec-sealed' }],
          filter: { data: { teacher: ['a reason'] } },
          destination: {
            kind: 'webhook',
            url: 'https://hook.example.org/token',
            mode: 'structured',
            concurrency: 10,
          },
        }),
      },
    ]);
    const text = JSON.stringify(await shown());
    for (const secret of secrets) expect(text).not.toContain(secret);
  });

  test.each<[string, Change]>([
    ['a kept answer', { do: 'remove', noun: 'answer', id: 'a' }],
    ['a notice', { do: 'create', noun: 'notice', item: given.notice() }],
    ['what was only looked at', { do: 'expect', noun: 'contract', before: standing }],
  ])('that is only %s is none', async (_, change) => {
    await mesh.has('contract', standing);
    expect(await audited(mesh.registry, deed, mesh).write([change])).toBe(true);
    expect(await shown()).toEqual([]);
  });
});

test('how far notices were pushed is no deed', async () => {
  await mesh.has('channel', channel);
  expect(await audited(mesh.registry, deed, mesh).write([pushedOn({ after: 'ntc_2' })])).toBe(true);
  expect(await shown()).toEqual([]);
});

test.each([
  ['goes elsewhere', { address: 'https://other.example.org/n' }],
  ['is given up', { status: 'disabled' as const }],
])('that notices are pushed is told once it %s', async (_, more) => {
  await mesh.has('channel', channel);
  await audited(mesh.registry, deed, mesh).write([pushedOn(more)]);
  expect(await shown()).toMatchObject([{ changes: [{ do: 'replace', noun: 'channel' }] }]);
});

test('a refusal is kept with its outcome', async () => {
  await auditRefusal(mesh.registry, deed, { noun: 'contract', subject: 'ctr_1' }, 'forbidden', mesh);
  expect(await shown()).toMatchObject([
    { outcome: 'refused', problem: 'forbidden', noun: 'contract', subject: 'ctr_1', changes: [] },
  ]);
});

describe('the audit', () => {
  const happened = async (days: number[], more: Partial<typeof deed> = {}) => {
    for (const day of days) {
      const at = new Date(Date.parse('2026-03-01T10:00:00.000Z') + day * DAY);
      await audited(mesh.registry, { ...deed, ...more }, { now: () => at, random: randomBytes }).write([
        created(),
      ]);
    }
  };

  test('tells each entry once, newest first, whatever the pages', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -29, max: 0 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (days, limit) => {
          mesh = meshInMemory();
          await happened(days);
          const found = [];
          let cursor: string | null = null;
          do {
            const page: { items: { id: string }[]; next: string | null } = await listAudit(
              mesh.registry,
              {},
              { limit, ...(cursor !== null && { cursor }) },
              mesh.now(),
            );
            found.push(...page.items.map(({ id }) => id));
            cursor = page.next;
          } while (cursor !== null);
          expect(found).toHaveLength(days.length);
          expect(found).toEqual([...new Set(found)].sort().reverse());
        },
      ),
      { numRuns: 30 },
    );
  });

  test('is narrowed by participant, action, thing, outcome and time', async () => {
    await happened([-2, -1]);
    await happened([0], { action: 'contract.rejected', by: { ...deed.by, participant: 'city' } });
    const all = await shown();
    expect(all).toHaveLength(3);
    expect(await shown({ participant: 'city' })).toEqual(all.slice(0, 1));
    expect(await shown({ action: 'contract.accepted' })).toEqual(all.slice(1));
    expect(await shown({ noun: 'contract', id: all[1]!.subject })).toEqual(all.slice(1, 2));
    expect(await shown({ noun: 'dataset' })).toEqual([]);
    expect(await shown({ outcome: 'refused' })).toEqual([]);
    expect(await shown({ from: all[1]!.at, to: all[0]!.at })).toEqual(all.slice(1, 2));
    expect(await shown({ participant: 'atmo', from: all[1]!.at })).toEqual(all.slice(1, 2));
  });

  test('refuses a cursor that it has not given', async () => {
    const asked = listAudit(mesh.registry, {}, { limit: 5, cursor: 'nonsense' }, mesh.now());
    expect(await problemOf(asked)).toMatchObject({ kind: 'not-parseable' });
  });
});
