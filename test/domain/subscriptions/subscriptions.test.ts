import { Webhook } from 'standardwebhooks';
import { beforeEach, describe, expect, test } from 'vitest';
import { endSubscription, patchSubscription, rotateSecret } from '../../../domain/subscriptions/change.ts';
import { subscribe } from '../../../domain/subscriptions/subscribe.ts';
import {
  getSubscription,
  listSubscriptions,
  testSubscription,
} from '../../../domain/subscriptions/subscriptions.ts';
import type { Contract } from '../../../schemas/contract.ts';
import type { Subscription, SubscriptionRequest } from '../../../schemas/subscription.ts';
import { given, TYPE } from '../../given.ts';
import { type MemoryMesh, meshInMemory, problemOf } from '../mesh.ts';

const app = given.caller('app');
const lab = given.caller('lab');
const webhook = {
  kind: 'webhook',
  url: 'https://app.example.org/hook',
  mode: 'structured',
  concurrency: 10,
} as const;
const above = { data: { co2: [{ numeric: ['>', 1000] }] } };

let mesh: MemoryMesh;
beforeEach(async () => {
  mesh = meshInMemory();
  await mesh.has('participant', given.participant());
  await mesh.has('participant', given.participant({ id: 'app' }));
  await mesh.has('dataset', given.dataset());
});
const under = (more: Partial<Contract> = {}) => mesh.has('contract', given.contract(more));
const asking = (contract: Contract, more: Partial<SubscriptionRequest> = {}): SubscriptionRequest => ({
  contract: contract.id,
  destination: webhook,
  ...more,
});
const stored = async (id: string): Promise<Subscription> =>
  (await mesh.registry.read('subscription', id)) as Subscription;
const settle = async (id: string) => {
  const before = await stored(id);
  const { replaces: _, ...rule } = before.rule;
  const item: Subscription = {
    ...before,
    status: 'active',
    rule: { ...rule, settled: true },
    revision: before.revision + 1,
  };
  await mesh.registry.write([{ do: 'replace', noun: 'subscription', before, item }]);
};
const ruleNames = async () => (await mesh.rules.list()).map(({ name }) => name);

describe('subscribing', () => {
  test('puts a rule of dataset, types and filter, and is starting until it has settled', async () => {
    const contract = await under({ types: [TYPE] });
    const { subscription, secret } = await subscribe(
      mesh,
      app,
      asking(contract, { filter: above, label: 'alarms' }),
    );
    expect(subscription).toMatchObject({
      status: 'starting',
      dataset: 'school-air',
      provider: 'atmo',
      label: 'alarms',
    });
    expect(secret).toMatch(/^whsec_/);
    expect(Buffer.from((secret ?? '').slice(6), 'base64')).toHaveLength(32);
    const [rule] = mesh.rules.on('maille-test');
    expect(rule?.name).toBe(subscription.id);
    expect(JSON.parse(rule?.pattern ?? '')).toEqual({
      source: ['maille'],
      'detail-type': [TYPE],
      // What large data holds is looked into when it is delivered.
      detail: { dataset: ['school-air'], event: { $or: [above, { dataref: [{ exists: true }] }] } },
    });
  });

  test('shows the secret once, and keeps it sealed', async () => {
    const { subscription, secret } = await subscribe(mesh, app, asking(await under()));
    const kept = await stored(subscription.id);
    expect(JSON.stringify(kept)).not.toContain((secret ?? '').slice(6));
    expect(await mesh.sealer.unseal(kept.secrets[0]?.sealed ?? '')).toBe(secret);
    const views = [
      await getSubscription(mesh.registry, app, subscription.id),
      await listSubscriptions(mesh.registry, app, { limit: 9 }),
    ];
    expect(JSON.stringify([subscription, views])).not.toMatch(/secrets|sealed|pullQueue/);
  });

  test('to pull makes a queue and no secret', async () => {
    const made = await subscribe(
      mesh,
      app,
      asking(await under(), { destination: { kind: 'pull', concurrency: 10 } }),
    );
    expect(made).not.toHaveProperty('secret');
    const { pullQueue } = await stored(made.subscription.id);
    expect(await mesh.pullQueues.receive(pullQueue ?? '', 1, 0, 1)).toEqual([]);
  });

  test.each(['requested', 'agreed', 'suspended', 'terminated'] as const)(
    'under a contract that is %s is a 409',
    async (state) => {
      const contract = await under({ state, from: '2027-01-01T00:00:00Z' });
      expect(await problemOf(subscribe(mesh, app, asking(contract)))).toMatchObject({ kind: 'conflict' });
    },
  );

  test('under a contract whose day has come starts it first', async () => {
    const contract = await under({ state: 'agreed' });
    await subscribe(mesh, app, asking(contract));
    expect((await mesh.registry.read('contract', contract.id))?.state).toBe('active');
  });

  test('is told everything that is wrong at once', async () => {
    const contract = await under({ types: [TYPE] });
    const wrong = asking(contract, {
      types: [TYPE, 'org.example.noise.v1'],
      filter: { data: { co2: 'not a list' } },
      destination: { ...webhook, url: 'https://private.example.org/' },
    });
    const { kind, errors } = await problemOf(subscribe(mesh, app, wrong));
    expect(kind).toBe('not-valid');
    expect(errors?.map(({ path }) => path)).toEqual(['/types/1', '/filter/data/co2', '/destination/url']);
    expect(await ruleNames()).toEqual([]);
  });

  test.each([
    ['at', { data: { teacher: ['x'] } }],
    ['under', { data: { teacher: { name: ['x'] } } }],
    ['above', { data: [{ exists: true }] }],
  ])('with a filter %s a path that the contract hides is refused', async (_, filter) => {
    const contract = await under({
      terms: { minimisation: [{ clause: 'no-teacher', do: 'drop', path: '/data/teacher' }] },
    });
    const { kind, errors } = await problemOf(subscribe(mesh, app, asking(contract, { filter })));
    expect(kind).toBe('not-valid');
    expect(errors?.[0]?.message).toContain('no-teacher');
  });

  test('with a pattern that is too long once composed is refused', async () => {
    const filter = { data: { room: Array.from({ length: 200 }, (_, n) => `room number ${n}`) } };
    const { errors } = await problemOf(subscribe(mesh, app, asking(await under(), { filter })));
    expect(errors).toMatchObject([{ path: '/filter' }]);
  });

  test.each(['rules.put', 'pullQueues.create'] as const)(
    'leaves nothing half done when %s fails',
    async (step) => {
      const contract = await under();
      const fail = () => Promise.reject(new Error('throttled'));
      const removed: string[] = [];
      const broken = {
        ...mesh,
        rules: step === 'rules.put' ? { ...mesh.rules, put: fail } : mesh.rules,
        pullQueues: {
          ...mesh.pullQueues,
          ...(step === 'pullQueues.create' && { create: fail }),
          remove: async (queue: string) => {
            removed.push(queue);
            await mesh.pullQueues.remove(queue);
          },
        },
      };
      await expect(
        subscribe(broken, app, asking(contract, { destination: { kind: 'pull', concurrency: 10 } })),
      ).rejects.toThrow('throttled');
      expect((await mesh.registry.list('subscriptions', {}, { limit: 9 })).items).toEqual([]);
      expect(await ruleNames()).toEqual([]);
      expect(removed).toHaveLength(step === 'rules.put' ? 1 : 0);
    },
  );

  test('goes to the bus with the fewest rules, and stops when all are full', async () => {
    const rule = { pattern: '{}', subscription: given.subscription() };
    await mesh.rules.put({ ...rule, name: 'sub_a', bus: 'maille-test' });
    const two = { ...mesh, buses: ['maille-test', 'maille-test-2'] };
    const { subscription } = await subscribe(two, app, asking(await under()));
    expect((await stored(subscription.id)).rule.bus).toBe('maille-test-2');
    for (const bus of two.buses)
      for (let n = 0; n < 300; n += 1) await mesh.rules.put({ ...rule, name: `sub_${n}`, bus });
    expect(await problemOf(subscribe(two, app, asking(await under())))).toMatchObject({
      kind: 'unavailable',
    });
  });

  test('under somebody else’s contract finds none, as under none', async () => {
    const contract = await under();
    const other = await problemOf(subscribe(mesh, lab, asking(contract)));
    const none = await problemOf(subscribe(mesh, lab, { ...asking(contract), contract: 'ctr_none' }));
    expect(other).toEqual({ ...none, detail: none.detail.replace('ctr_none', contract.id) });
    expect(await problemOf(subscribe(mesh, given.caller('atmo'), asking(contract)))).toMatchObject({
      kind: 'not-found',
    });
  });
});

describe('changing a subscription', () => {
  const made = async (more: Partial<SubscriptionRequest> = {}, contract: Partial<Contract> = {}) => {
    const { subscription } = await subscribe(
      mesh,
      app,
      asking(await under(contract), { filter: above, ...more }),
    );
    await settle(subscription.id);
    return subscription.id;
  };

  test('’s filter puts a new rule and keeps the old one until it has settled', async () => {
    const id = await made();
    const higher = { data: { co2: [{ numeric: ['>', 2000] }] } };
    const changed = await patchSubscription(mesh, app, id, { filter: higher });
    expect(changed).toMatchObject({
      status: 'starting',
      filter: higher,
      rule: { replaces: id, settled: false },
    });
    expect((await ruleNames()).sort()).toEqual([id, changed.rule.name].sort());
    expect(changed.rule.name).toMatch(new RegExp(`^${id}\\.\\d+$`));
  });

  test('’s filter twice keeps the settled rule and drops the one between', async () => {
    const id = await made();
    const between = await patchSubscription(mesh, app, id, { filter: { data: { co2: [1] } } });
    const last = await patchSubscription(mesh, app, id, { filter: null });
    expect(last).not.toHaveProperty('filter');
    expect(last.rule.replaces).toBe(id);
    // What the rule between may have missed is still owed.
    expect(last.rule.since).toBe(between.rule.putAt);
    expect(await ruleNames()).not.toContain(between.rule.name);
    expect((await ruleNames()).sort()).toEqual([id, last.rule.name].sort());
  });

  test('to the same filter leaves the rule alone', async () => {
    const id = await made();
    expect(await patchSubscription(mesh, app, id, { filter: above, label: 'b' })).toMatchObject({
      status: 'active',
      label: 'b',
      rule: { name: id },
    });
  });

  test('is as if it had not been when the rule cannot be put', async () => {
    const id = await made();
    const before = await stored(id);
    const broken = { ...mesh, rules: { ...mesh.rules, put: () => Promise.reject(new Error('throttled')) } };
    await expect(patchSubscription(broken, app, id, { filter: null })).rejects.toThrow('throttled');
    expect(await stored(id)).toEqual(before);
  });

  test('pauses and resumes', async () => {
    const id = await made();
    expect(await patchSubscription(mesh, app, id, { paused: true })).toMatchObject({ status: 'paused' });
    expect(await patchSubscription(mesh, app, id, { label: 'still' })).toMatchObject({ status: 'paused' });
    expect(await patchSubscription(mesh, app, id, { paused: false })).toMatchObject({ status: 'active' });
  });

  test.each(['failing', 'disabled'] as const)(
    'gives one that is %s a new start by another address',
    async (status) => {
      const id = await made();
      const before = await stored(id);
      const item: Subscription = { ...before, status, failingSince: '2026-02-01T00:00:00Z', revision: 9 };
      await mesh.registry.write([{ do: 'replace', noun: 'subscription', before, item }]);
      expect(await patchSubscription(mesh, app, id, { label: 'x' })).toMatchObject({
        status,
        failingSince: '2026-02-01T00:00:00Z',
      });
      const anew = await patchSubscription(mesh, app, id, {
        destination: { ...webhook, url: 'https://new.example.org/' },
      });
      // Its receiver has consented just now.
      expect(anew).toMatchObject({ status: 'starting', ownership: { proof: 'handshake' } });
      expect(anew).not.toHaveProperty('failingSince');
    },
  );

  test('to another kind, a forbidden address or a hidden path is refused', async () => {
    const id = await made(
      {},
      { terms: { minimisation: [{ clause: 'c', do: 'drop', path: '/data/teacher' }] } },
    );
    for (const patch of [
      { destination: { kind: 'pull', concurrency: 1 } as const },
      { destination: { ...webhook, url: 'https://private.example.org' } },
      { filter: { data: { teacher: ['x'] } } },
    ]) {
      expect(await problemOf(patchSubscription(mesh, app, id, patch))).toMatchObject({ kind: 'not-valid' });
    }
  });

  test('rotates its secret: each older one signs on for its day, though it is rotated again', async () => {
    const id = await made();
    const first = await stored(id);
    const { secret } = await rotateSecret(mesh, app, id);
    const second = await stored(id);
    expect(await mesh.sealer.unseal(second.secrets[0]?.sealed ?? '')).toBe(secret);
    expect(second.secrets[1]).toEqual({
      sealed: first.secrets[0]?.sealed,
      until: '2026-03-02T10:00:00.000Z',
    });
    mesh.later(3_600_000);
    await rotateSecret(mesh, app, id);
    const third = await stored(id);
    expect(third.secrets.slice(1)).toEqual([
      { sealed: second.secrets[0]?.sealed, until: '2026-03-02T11:00:00.000Z' },
      second.secrets[1],
    ]);
    mesh.later(23 * 3_600_000);
    await rotateSecret(mesh, app, id);
    expect((await stored(id)).secrets.map(({ until }) => until)).toEqual([
      undefined,
      '2026-03-03T10:00:00.000Z',
      '2026-03-02T11:00:00.000Z',
    ]);
  });

  test('has five secrets at most: one more waits for the oldest to end', async () => {
    const id = await made();
    for (let count = 1; count < 5; count += 1) await rotateSecret(mesh, app, id);
    expect(await problemOf(rotateSecret(mesh, app, id))).toMatchObject({
      kind: 'conflict',
      detail: expect.stringContaining('after 2026-03-02T10:00:00.000Z'),
    });
    mesh.later(86_400_000);
    await rotateSecret(mesh, app, id);
    expect((await stored(id)).secrets).toHaveLength(2);
  });

  test('ends it: rules and queue go, it stays to be read, and nothing changes it', async () => {
    const id = await made({ destination: { kind: 'pull', concurrency: 1 } });
    await patchSubscription(mesh, app, id, { filter: null });
    const { pullQueue } = await stored(id);
    await endSubscription(mesh, app, id);
    await endSubscription(mesh, app, id);
    expect(await ruleNames()).toEqual([]);
    await expect(mesh.pullQueues.receive(pullQueue ?? '', 1, 0, 1)).rejects.toThrow();
    expect(await getSubscription(mesh.registry, app, id)).toMatchObject({ status: 'ended' });
    expect(await problemOf(patchSubscription(mesh, app, id, { paused: false }))).toMatchObject({
      kind: 'conflict',
    });
  });

  test('that is somebody else’s finds nothing', async () => {
    const id = await made();
    for (const call of [
      getSubscription(mesh.registry, lab, id),
      patchSubscription(mesh, lab, id, { paused: true }),
      endSubscription(mesh, lab, id),
      rotateSecret(mesh, lab, id),
      testSubscription(mesh, lab, id),
    ]) {
      expect(await problemOf(call)).toMatchObject({ kind: 'not-found' });
    }
    expect((await listSubscriptions(mesh.registry, lab, { limit: 9 })).items).toEqual([]);
  });
});

describe('testing a subscription', () => {
  test('sends a signed event now and tells what came back', async () => {
    const { subscription, secret } = await subscribe(mesh, app, asking(await under()));
    mesh.sender.answer = () => ({ kind: 'answer', status: 202, body: 'thanks' });
    expect(await testSubscription(mesh, app, subscription.id)).toMatchObject({
      status: 202,
      answer: 'thanks',
    });
    const [request] = mesh.sender.requests;
    const { 'webhook-timestamp': timestamp = '' } = request?.headers ?? {};
    expect(Number(timestamp)).toBe(mesh.now().getTime() / 1000);
    expect(JSON.parse(String(request?.body))).toMatchObject({
      type: 'maille.test.v1',
      subject: subscription.id,
    });
    const signed = new Webhook(secret ?? '').sign(
      request?.headers['webhook-id'] ?? '',
      mesh.now(),
      String(request?.body),
    );
    expect(request?.headers['webhook-signature']).toBe(signed);
  });

  test('is under the gate', async () => {
    const contract = await under();
    const { subscription } = await subscribe(mesh, app, asking(contract));
    await mesh.registry.write([
      { do: 'replace', noun: 'contract', before: contract, item: { ...contract, state: 'suspended' } },
    ]);
    expect(await problemOf(testSubscription(mesh, app, subscription.id))).toMatchObject({ kind: 'conflict' });
    expect(mesh.sender.requests).toEqual([]);
  });
});
