import { Webhook } from 'standardwebhooks';
import { beforeEach, describe, expect, test } from 'vitest';
import { notify, listNotices, noticeType } from '../../domain/notices.ts';
import { askForNotices, pushedTo } from '../../domain/notices-pushed/ask.ts';
import { pushNotices } from '../../domain/notices-pushed/push.ts';
import type { WebhookAnswer, WebhookRequest } from '../../domain/ports.ts';
import { NOTICES, titleOf } from '../../events/notices.ts';
import { contractState } from '../../schemas/contract.ts';
import { given } from '../given.ts';
import { timeFor } from './clock/portions.ts';
import { type MemoryMesh, meshInMemory, problemOf } from './mesh.ts';

const MINUTE = 60_000;
const app = given.caller('app');
const url = 'https://app.example.org/notices';
let mesh: MemoryMesh;
beforeEach(() => {
  mesh = meshInMemory();
});

const states = async (...subjects: string[]): Promise<void> => {
  for (const subject of subjects) {
    mesh.later(1);
    await mesh.registry.write([
      notify(
        'app',
        { type: 'maille.contract.active.v1', subject, data: { subject } },
        mesh.now(),
        mesh.random,
      ),
    ]);
  }
};
const pushes = (afterMs = MINUTE): Promise<number> => {
  mesh.later(afterMs);
  return pushNotices(mesh, mesh.now());
};
const subjects = (requests: WebhookRequest[] = mesh.sender.requests): string[] =>
  requests.map(({ body }) => (JSON.parse(String(body)) as { subject: string }).subject);
const answering = (status: number): void => {
  mesh.sender.answer = (): WebhookAnswer => ({ kind: 'answer', status, body: '' });
};
const status = async () => (await pushedTo(mesh.registry, app)).channels.map((channel) => channel.status);

describe('notices by webhook', () => {
  test('are pushed from the asking on, each once, in order, signed as Standard Webhooks has it', async () => {
    // The library judges the time by the clock of the machine.
    mesh = meshInMemory(new Date(Date.now() - 2 * MINUTE).toISOString());
    await states('before');
    mesh.later(1);
    const { secret, webhook } = await askForNotices(mesh, app, { webhook: url });
    expect(webhook).toBe(url);
    await states('one', 'two', 'three');
    expect(await pushes()).toBe(3);
    expect(await pushes()).toBe(0);
    expect(subjects()).toEqual(['one', 'two', 'three']);
    const [first] = mesh.sender.requests;
    expect(first?.url).toBe(url);
    expect(new Webhook(secret ?? '').verify(String(first?.body), first?.headers ?? {})).toMatchObject({
      subject: 'one',
    });
    const { items } = await listNotices(mesh.registry, 'app', { limit: 10 });
    expect(first?.headers['webhook-id']).toBe(items.at(-2)?.id);
    expect(JSON.parse(String(first?.body))).toMatchObject({
      type: 'maille.contract.active.v1',
      source: '//test',
      data: { subject: 'one' },
    });
  });

  test('that are too young wait: an earlier one may still be on its way', async () => {
    await askForNotices(mesh, app, { webhook: url });
    await states('one');
    expect(await pushes(20_000)).toBe(0);
    expect(await pushes(20_000)).toBe(1);
  });

  test('that are refused wait as deliveries do, and none overtakes', async () => {
    await askForNotices(mesh, app, { webhook: url });
    await states('one', 'two');
    answering(500);
    expect(await pushes()).toBe(0);
    expect(await status()).toEqual(['failing']);
    answering(204);
    expect(await pushes(4_000)).toBe(0);
    mesh.sender.requests.length = 0;
    expect(await pushes(2_000)).toBe(2);
    expect(subjects()).toEqual(['one', 'two']);
    expect(await status()).toEqual(['active']);
  });

  test('go behind what was taken when one in the middle is refused', async () => {
    await askForNotices(mesh, app, { webhook: url });
    await states('one', 'two', 'three');
    mesh.sender.answer = ({ body }) => ({
      kind: 'answer',
      status: String(body).includes('"two"') ? 500 : 204,
      body: '',
    });
    expect(await pushes()).toBe(1);
    answering(204);
    mesh.sender.requests.length = 0;
    expect(await pushes()).toBe(2);
    expect(subjects()).toEqual(['two', 'three']);
  });

  test('stop after the last wait, and go on from there when they are asked for again', async () => {
    await askForNotices(mesh, app, { webhook: url });
    await states('one');
    answering(503);
    for (let count = 0; count <= mesh.territory.retryWaits.length; count += 1) await pushes(11 * 60 * MINUTE);
    expect(await status()).toEqual(['disabled']);
    expect(mesh.sender.requests).toHaveLength(mesh.territory.retryWaits.length + 1);
    await pushes(24 * 60 * MINUTE);
    expect(mesh.sender.requests).toHaveLength(mesh.territory.retryWaits.length + 1);
    answering(204);
    expect(await askForNotices(mesh, app, { webhook: url })).not.toHaveProperty('secret');
    expect(await pushes()).toBe(1);
  });

  test('stop at once when the receiver is gone, or they are asked for no more', async () => {
    await askForNotices(mesh, app, { webhook: url });
    await states('one');
    answering(410);
    await pushes();
    expect(await status()).toEqual(['disabled']);
    await askForNotices(mesh, app, {});
    expect(await pushedTo(mesh.registry, app)).toEqual({ channels: [] });
    await states('two');
    expect(await pushes()).toBe(0);
  });

  test('are each participant’s own', async () => {
    await askForNotices(mesh, given.caller('lab'), { webhook: 'https://lab.example.org/n' });
    await askForNotices(mesh, app, { webhook: url });
    await states('one');
    await pushes();
    expect(mesh.sender.requests.map((request) => request.url)).toEqual([url]);
  });

  test('more than fit into one beat come with the next ones', async () => {
    await askForNotices(mesh, app, { webhook: url });
    const many = Array.from({ length: 130 }, (_, index) => String(index));
    await states(...many);
    while ((await pushes()) > 0);
    expect(subjects()).toEqual(many);
  });

  test('of receivers that take too long leave others theirs: whoever was not reached is so in its turn', async () => {
    const consumers = Array.from({ length: 15 }, (_, index) => `consumer-${index}`);
    for (const id of consumers)
      await askForNotices(mesh, given.caller(id), { webhook: `https://${id}.example.org/n` });
    mesh.later(1);
    for (const id of consumers) {
      const told = { type: 'maille.contract.active.v1', subject: id, data: {} };
      await mesh.registry.write([notify(id, told, mesh.now(), mesh.random)]);
    }
    mesh.later(MINUTE);
    // Time for ten side by side, and for one round of each.
    expect(await pushNotices(mesh, mesh.now(), timeFor(11))).toBe(10);
    expect(await pushes()).toBe(5);
    expect(subjects().sort()).toEqual(consumers.sort());
  });

  test('go only to who has shown that it wants them, and name the mesh', async () => {
    mesh.sender.shake = () => ({ kind: 'answer', status: 405, body: '' });
    const problem = await problemOf(askForNotices(mesh, app, { webhook: url }));
    expect(problem).toMatchObject({
      kind: 'not-valid',
      errors: [{ path: '/webhook', message: expect.stringContaining('405 without WebHook-Allowed-Origin') }],
    });
    expect(await pushedTo(mesh.registry, app)).toEqual({ channels: [] });
    mesh.sender.shake = () => ({ kind: 'answer', status: 200, consent: { origin: '*' }, body: '' });
    await askForNotices(mesh, app, { webhook: url });
    mesh.sender.requests.length = 0;
    await states('one');
    expect(await pushes()).toBe(1);
    expect(mesh.sender.requests[0]?.headers['webhook-request-origin']).toBe('mesh.example.org');
  });

  test('are refused an address that webhooks are', async () => {
    const problem = await problemOf(askForNotices(mesh, app, { webhook: 'https://private.example.org' }));
    expect(problem).toMatchObject({ kind: 'not-valid', errors: [{ path: '/webhook' }] });
  });
});

describe('notices by e-mail', () => {
  const withSender = () => ({ ...mesh, territory: { ...mesh.territory, noticeSender: 'mesh@example.org' } });

  test('are refused with a reason where the territory has no sender', async () => {
    const { kind, errors } = await problemOf(askForNotices(mesh, app, { email: 'ada@example.org' }));
    expect(kind).toBe('not-valid');
    expect(errors).toMatchObject([{ path: '/email', message: expect.stringContaining('no sender') }]);
  });

  test('come in one letter each beat, with a title in both languages', async () => {
    await askForNotices(withSender(), app, { email: 'ada@example.org' });
    await states('one', 'two');
    expect(await pushes()).toBe(2);
    expect(mesh.mailer.sent).toHaveLength(1);
    const [mail] = mesh.mailer.sent;
    expect(mail).toMatchObject({ to: 'ada@example.org', subject: expect.stringContaining('2 notices') });
    expect(mail?.text).toContain(titleOf('maille.contract.active.v1'));
  });

  test('that cannot be sent are tried again', async () => {
    await askForNotices(withSender(), app, { email: 'ada@example.org' });
    await states('one');
    mesh.mailer.happens = () => {
      throw new Error('throttled');
    };
    expect(await pushes()).toBe(0);
    mesh.mailer.happens = () => undefined;
    expect(await pushes()).toBe(1);
  });
});

test('whatever is told of a contract has a title', () => {
  const known = new Set<string>(Object.values(NOTICES).map(({ type }) => type));
  const news = [
    'revision-proposed',
    'revision-accepted',
    'revised',
    'revision-rejected',
    'terms-change-planned',
    'terms-changed',
    'ending',
  ] as const;
  for (const what of [...contractState.options, ...news]) {
    expect(known).toContain(noticeType.contract(what));
  }
});
