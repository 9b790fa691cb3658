import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { admit, type AdmitDeps } from '../../../domain/publish/admit.ts';
import { publish } from '../../../domain/publish/publish.ts';
import { eventKey } from '../../../events/key.ts';
import { given, TYPE } from '../../given.ts';
import { type Door, doorOf } from './door.ts';

let door: Door;
let deps: AdmitDeps;
beforeEach(async () => {
  door = await doorOf();
  await door.mesh.has('participant', given.participant({ id: 'app', roles: ['consumer'] }));
  await door.mesh.has('participant', given.participant({ id: 'gone', status: 'suspended' }));
  deps = {
    ...door.deps,
    registry: door.mesh.registry,
    participant: (id) => door.mesh.registry.read('participant', id),
    territoryTimes: door.mesh.territory,
    random: randomBytes,
  };
});
const busEvent = (detail: unknown, more: object = {}) => ({
  id: 'bus-1',
  'detail-type': TYPE,
  time: '2026-03-01T10:00:00Z',
  detail,
  ...more,
});
const cloudEvent = { specversion: '1.0', id: 'e1', type: TYPE, data: { co2: 800 } };
const refused = async (participant: string) =>
  (await door.mesh.registry.list('publicationsOfParticipant', { participant }, { limit: 10 })).items;
const read = async (id: string) =>
  (await door.ledger.read([eventKey('school-air', '//test/atmo', id)], door.mesh.now()))[0];

describe('the SDK door', () => {
  test('accepts a CloudEvent as its Detail', async () => {
    expect(await admit(deps, { participant: 'atmo', event: busEvent(cloudEvent) })).toMatchObject({
      status: 'accepted',
      id: 'e1',
    });
    expect(await refused('atmo')).toEqual([]);
  });

  test('accepts bare data under the id and time of the bus', async () => {
    await admit(deps, { participant: 'atmo', event: busEvent({ co2: 801 }) });
    expect(JSON.parse((await read('bus-1'))?.body ?? '')).toMatchObject({
      time: '2026-03-01T10:00:00Z',
      data: { co2: 801 },
    });
  });

  test('stores byte for byte what HTTPS stores: the second door meets a duplicate', async () => {
    await publish(door.deps, 'atmo', [cloudEvent]);
    const body = (await read('e1'))?.body;
    const other = await doorOf();
    await admit({ ...deps, ...other.deps }, { participant: 'atmo', event: busEvent({ ...cloudEvent }) });
    const [entry] = await other.ledger.read([eventKey('school-air', '//test/atmo', 'e1')], other.mesh.now());
    expect(entry?.body).toBe(body);
    expect(await admit(deps, { participant: 'atmo', event: busEvent(cloudEvent) })).toMatchObject({
      status: 'duplicate',
    });
  });

  test('keeps what it refuses for as long as the territory says, and tells the publisher by a notice', async () => {
    const bad = busEvent({ ...cloudEvent, data: { co2: 'high' } });
    expect(await admit(deps, { participant: 'atmo', event: bad })).toMatchObject({ status: 'rejected' });
    const [publication] = await refused('atmo');
    expect(publication).toMatchObject({
      participant: 'atmo',
      eventId: 'e1',
      type: TYPE,
      status: 'rejected',
      at: door.mesh.now().toISOString(),
      expires: door.mesh.now().getTime() / 1000 + 7 * 86_400,
      problem: { kind: 'not-valid', errors: [{ path: '/data/co2' }] },
    });
    const { items } = await door.mesh.registry.list(
      'noticesOfParticipant',
      { participant: 'atmo' },
      { limit: 10 },
    );
    expect(items).toMatchObject([
      { type: 'maille.publication.rejected.v1', subject: publication?.id, data: { eventId: 'e1' } },
    ]);
  });

  test.each([
    ['a suspended participant', 'gone', 'forbidden'],
    ['one who provides nothing', 'app', 'forbidden'],
    ['a participant that is not there', 'nobody', 'not-found'],
  ])('refuses %s, whatever it sends', async (_, participant, kind) => {
    expect(await admit(deps, { participant, event: busEvent(cloudEvent) })).toMatchObject({
      problem: { kind },
    });
    expect(await refused(participant)).toMatchObject([{ eventId: 'bus-1', problem: { kind } }]);
  });

  test('refuses an entry whose DetailType is not the type of its event', async () => {
    const event = busEvent(cloudEvent, { 'detail-type': 'org.example.noise.v1' });
    expect(await admit(deps, { participant: 'atmo', event })).toMatchObject({
      problem: { errors: [{ path: '/type' }] },
    });
  });

  test('refuses a source of somebody else: the address of the bus is the identity', async () => {
    const event = busEvent({ ...cloudEvent, source: '//test/bouygues' });
    expect(await admit(deps, { participant: 'atmo', event })).toMatchObject({
      problem: { errors: [{ path: '/source' }] },
    });
  });

  test('throws when the ledger failed, so that the entry comes again', async () => {
    const ledger = { append: async () => ['failed' as const] };
    await expect(
      admit({ ...deps, ledger }, { participant: 'atmo', event: busEvent(cloudEvent) }),
    ).rejects.toThrow(/ledger/);
    expect(await refused('atmo')).toEqual([]);
  });

  test('throws when a refusal was not kept, so that it is told in the end', async () => {
    const registry = { write: async () => false };
    await expect(admit({ ...deps, registry }, { participant: 'atmo', event: busEvent(7) })).rejects.toThrow(
      /not kept/,
    );
  });
});
