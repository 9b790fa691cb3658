import { expect, test } from 'vitest';
import { payloadLink } from '../../../domain/payloads/link.ts';
import { visitPayload } from '../../../domain/payloads/visit.ts';
import { eraseEvent } from '../../../domain/personal-data/erase.ts';
import { ARRIVED_AFTER_MS, continueErasures } from '../../../domain/personal-data/receivers.ts';
import { eventKey } from '../../../events/key.ts';
import { given } from '../../given.ts';
import { flowInMemory } from '../deliver/flow.ts';
import { problemOf } from '../mesh.ts';

test('a copy that is made while its event is erased leads nowhere, and is found', async () => {
  const flow = flowInMemory();
  const clause = { clause: 'no-teacher', do: 'drop' as const, path: '/data/teacher' };
  const { contract } = await flow.begins({ contract: { terms: { minimisation: [clause] } } });
  const name = 'until/2026-03-31/badge.json';
  const contentType = 'application/json';
  await flow.payloads.put({ name, body: Buffer.from('{"co2":1,"teacher":"Curie"}'), contentType });
  const key = eventKey('school-air', '//test/atmo', 'badge');
  const { data: _, ...event } = given.event({ id: 'badge', dataref: '/v1/payloads' });
  const entry = { key, sequence: flow.nextSequence(flow.now()), payload: name, body: JSON.stringify(event) };
  await flow.ledger.append([given.entry(entry)]);

  const { sealer } = flow.deps;
  const all = { ...flow, sealer };
  const put: typeof flow.payloads.put = async (payload) => {
    if (payload.name.includes('/copy.'))
      await eraseEvent(all, given.caller('atmo'), 'school-air', { id: 'badge' });
    await flow.payloads.put(payload);
  };
  const publicUrl = 'https://mesh.example.org';
  const link = await payloadLink(
    { sealer, publicUrl },
    { contract: contract.id, dataset: 'school-air', key },
  );
  const id = link.slice(`${publicUrl}/v1/payloads/`.length);
  const visit = visitPayload({ ...all, payloads: { ...flow.payloads, put } }, given.caller('app'), id);
  expect((await problemOf(visit)).kind).toBe('not-found');
  expect([...flow.payloads.kept.keys()].some((kept) => kept.includes('/copy.'))).toBe(true);
  flow.later(ARRIVED_AFTER_MS);
  for (const mayClose of [false, true]) await continueErasures(all, flow.now(), { mayClose });
  expect([...flow.payloads.kept.keys()]).toEqual([]);
});
