import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { tickIn } from './clock.ts';
import {
  admit,
  agree,
  ask,
  type Answer,
  eventOf,
  mesh,
  must,
  type Party,
  pause,
  published,
  receiver,
  share,
  subscribe,
  verified,
} from './world.ts';

const DAY = 86_400_000;

const offerOf = (more: object = {}) => ({
  purposes: ['research'],
  minimisation: [],
  approval: 'provider',
  ...more,
});
const noTeacher = { clause: 'no-teacher', do: 'drop', path: '/data/teacher' };
const noRoom = { clause: 'no-room', do: 'drop', path: '/data/room' };
const on = (party: Party, contract: string, action: string, body: object): Promise<Answer> =>
  must(200, party.key, 'POST', `/v1/contracts/${contract}/${action}`, body);
const noticesOf = async (party: Party): Promise<string[]> => {
  const { body } = await must(200, party.key, 'GET', '/v1/notices?limit=200');
  return body.items.map(({ type }: { type: string }) => type);
};

describe('a lab and an air-quality agency', () => {
  it('come to terms by request, counter-offer and signed consent, revise them in force, and put off the end', async () => {
    const provider = await admit('atmo', ['provider']);
    const lab = await admit('lab', ['consumer']);
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
    await must(200, mesh.keys.operator, 'PATCH', `/v1/participants/${lab.id}`, { publicKey: raw });
    const dataset = await share(provider, { offer: offerOf({ durationDays: 365 }) });
    const until = new Date(Date.now() + 60 * DAY).toISOString();
    const { body: requested, headers } = await must(201, lab.key, 'POST', '/v1/contracts', {
      dataset: dataset.id,
      purpose: 'research',
      until,
    });
    expect(requested.state).toBe('requested');
    const authorization = `Bearer ${lab.key}`;
    const there = await fetch(headers.get('location') ?? '', { headers: { authorization } });
    expect(await there.json()).toEqual(requested);
    const { body: offered } = await on(provider, requested.id, 'offer', {
      terms: { minimisation: [noTeacher] },
    });
    expect(offered).toMatchObject({ state: 'offered', terms: { minimisation: [noTeacher] } });
    const { digest } = offered;
    const signature = sign(null, Buffer.from(digest), privateKey).toString('base64');
    const forged = sign(null, Buffer.from('else'), privateKey).toString('base64');
    const refused = await ask(lab.key, 'POST', `/v1/contracts/${requested.id}/accept`, {
      digest,
      signature: forged,
    });
    expect(refused.status).toBe(422);
    const { body: active } = await on(lab, requested.id, 'accept', { digest, signature });
    expect(active.state).toBe('active');
    expect(active.consents.at(-1)).toMatchObject({ by: lab.id, digest, signature, publicKey: raw });

    const hook = await receiver();
    const { secret } = await subscribe(lab, requested.id, { kind: 'webhook', url: hook.url });
    const data = { co2: 800, room: '12', teacher: 'Mme Martin' };
    await published(provider, eventOf(dataset.type, data));
    const [first] = await hook.until(1);
    expect(verified(secret, first!)).toMatchObject({ data: { co2: 800, room: '12' } });

    const { body: revision } = await on(provider, requested.id, 'offer', {
      terms: { minimisation: [noTeacher, noRoom] },
    });
    expect(revision.digest).toBe(digest);
    await on(lab, requested.id, 'accept', { digest: revision.proposed.digest });
    const { body: extension } = await on(lab, requested.id, 'extend', {
      until: new Date(Date.now() + 90 * DAY).toISOString(),
    });
    const { body: extended } = await on(provider, requested.id, 'accept', {
      digest: extension.proposed.digest,
    });
    expect(Date.parse(extended.until)).toBeGreaterThan(Date.parse(until));
    // The verdict is at most so old.
    await pause(2000);
    await published(provider, eventOf(dataset.type, data));
    const [, second] = await hook.until(2);
    expect((verified(secret, second!) as { data: object }).data).toEqual({ co2: 800 });
  });

  it('read their contract in three forms', async () => {
    const provider = await admit('atmo', ['provider']);
    const lab = await admit('lab', ['consumer']);
    const dataset = await share(provider, {
      offer: offerOf({ approval: 'automatic', minimisation: [noTeacher] }),
    });
    const contract = await agree(lab, dataset.id);
    const path = `/v1/contracts/${contract}/document`;
    const json = await must(200, lab.key, 'GET', path, undefined, { accept: 'application/json' });
    expect(json.body).toMatchObject({ id: contract, state: 'active' });
    const yaml = await must(200, provider.key, 'GET', path, undefined, { accept: 'application/yaml' });
    expect(yaml.headers.get('content-type')).toBe('application/yaml');
    const odcs = parse(yaml.body);
    expect(odcs).toMatchObject({ apiVersion: 'v3.1.0', kind: 'DataContract', id: contract });
    expect(JSON.stringify(odcs.schema)).not.toContain('teacher');
    const odrl = await must(200, lab.key, 'GET', path, undefined, { accept: 'application/ld+json' });
    expect(odrl.body).toMatchObject({ '@type': 'Agreement', permission: [{ action: 'odrl:use' }] });
  });
});

describe('Bouygues tightens its terms', () => {
  it('for a contract in force only after its notice, told to both, and pushed to who asked', async () => {
    const bouygues = await admit('bouygues', ['provider']);
    const app = await admit('app', ['consumer']);
    const inbox = await receiver();
    const { body: asked } = await must(200, app.key, 'PUT', '/v1/me/notices', { webhook: inbox.url });
    expect(asked.secret).toMatch(/^whsec_/);
    const offer = offerOf({ approval: 'automatic', noticeDays: 1 });
    const dataset = await share(bouygues, { offer });
    const contract = await agree(app, dataset.id);
    const hook = await receiver();
    const { secret } = await subscribe(app, contract, { kind: 'webhook', url: hook.url });
    const reading = { co2: 800, teacher: 'Mme Martin' };
    const { body: kept, headers } = await must(200, bouygues.key, 'GET', `/v1/datasets/${dataset.id}`);
    const { body: schema } = await must(
      200,
      bouygues.key,
      'GET',
      `/v1/datasets/${dataset.id}/types/${dataset.type}/schemas/1`,
    );
    const { title, description, theme, licence, access, personalData, retentionDays } = kept;
    await must(
      200,
      bouygues.key,
      'PUT',
      `/v1/datasets/${dataset.id}`,
      {
        ...{ title, description, theme, licence, access, personalData, retentionDays },
        offer: { ...offer, minimisation: [noTeacher] },
        types: [{ type: dataset.type, schema: schema.schema }],
      },
      { 'if-match': headers.get('etag') ?? '' },
    );
    await tickIn(0);
    const { body: planned } = await must(200, app.key, 'GET', `/v1/contracts/${contract}`);
    expect(planned).toMatchObject({ terms: { minimisation: [] }, termsChange: {} });
    expect(await noticesOf(app)).toContain('maille.contract.terms-change-planned.v1');
    // Until then it gets what it signed for; who comes now gets what is offered now.
    await published(bouygues, eventOf(dataset.type, reading));
    const [before] = await hook.until(1);
    expect(verified(secret, before!)).toMatchObject({ data: reading });
    const late = await admit('late', ['consumer']);
    const { body: fresh } = await must(200, late.key, 'POST', '/v1/contracts?dryRun=true', {
      dataset: dataset.id,
      purpose: 'research',
    });
    expect(fresh.terms).toMatchObject({ minimisation: [noTeacher] });
    await tickIn(DAY + 120_000);
    const { body: bound } = await must(200, app.key, 'GET', `/v1/contracts/${contract}`);
    expect(bound).toMatchObject({ state: 'active', terms: { minimisation: [noTeacher] } });
    expect(bound.digest).not.toBe(planned.digest);
    // The verdict is at most so old.
    await pause(2000);
    await published(bouygues, eventOf(dataset.type, reading));
    const [, after] = await hook.until(2);
    expect((verified(secret, after!) as { data: object }).data).toEqual({ co2: 800 });
    await tickIn(DAY + 240_000);
    const pushed = await inbox.until(2);
    const types = pushed.map((one) => (verified(asked.secret, one) as { type: string }).type);
    expect(types).toEqual(['maille.contract.terms-change-planned.v1', 'maille.contract.terms-changed.v1']);
  });
});

describe('the DPO refuses', () => {
  it('a contract that both parties want: nothing has come of it, and both read why', async () => {
    const school = await admit('school', ['provider']);
    const lab = await admit('lab', ['consumer']);
    const dataset = await share(school, {
      personalData: true,
      processing: { legalBasis: 'public task', subjects: ['teachers'], categories: ['names'] },
      // Whatever is offered, personal data is the DPO's to decide on.
      offer: offerOf({ approval: 'automatic' }),
    });
    const wish = { dataset: dataset.id, purpose: 'research' };
    expect((await ask(lab.key, 'POST', '/v1/contracts', wish)).status).toBe(422);
    const { body: requested } = await must(201, lab.key, 'POST', '/v1/contracts', {
      ...wish,
      legalBasis: 'public interest',
    });
    const { id, digest } = requested;
    if (requested.state === 'requested') await on(school, id, 'accept', { digest });
    const { body: agreed } = await must(200, lab.key, 'GET', `/v1/contracts/${id}`);
    expect(agreed.state).toBe('agreed');

    const subscription = { contract: id, destination: { kind: 'pull' } };
    const nothing = async () => {
      await published(school, eventOf(dataset.type, { co2: 800, teacher: 'Mme Martin' }));
      expect((await ask(lab.key, 'POST', '/v1/subscriptions', subscription)).status).toBe(409);
      const history = await ask(lab.key, 'GET', `/v1/datasets/${dataset.id}/events`);
      expect(history.status).toBeOneOf([403, 409]);
      expect(JSON.stringify(history.body)).not.toContain('Martin');
    };
    await nothing();
    // Neither party can decide in the DPO's place.
    for (const party of [school, lab])
      expect((await ask(party.key, 'POST', `/v1/contracts/${id}/accept`, { digest })).status).toBeOneOf([
        403, 409,
      ]);
    const reason = 'the purpose does not need it';
    await must(200, mesh.keys.dpo, 'POST', `/v1/contracts/${id}/reject`, { reason });
    await nothing();
    for (const party of [school, lab]) {
      const { body } = await must(200, party.key, 'GET', `/v1/contracts/${id}`);
      expect(body).toMatchObject({ state: 'terminated' });
      expect(body.history.at(-1)).toMatchObject({ to: 'terminated', reason });
      expect(await noticesOf(party)).toContain('maille.contract.terminated.v1');
    }
    const { body: audit } = await must(200, mesh.keys.operator, 'GET', `/v1/audit?noun=contract&id=${id}`);
    expect(audit.items[0]).toMatchObject({ action: 'contract.rejected', outcome: 'done', roles: ['dpo'] });
  });
});
