import { generateKeyPairSync, sign } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
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
  published,
  type Receiver,
  receiver,
  share,
  subscribe,
  verified,
} from './world.ts';

const DAY = 86_400_000;
const open: Receiver[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function listening(): Promise<Receiver> {
  const hook = await receiver();
  open.push(hook);
  return hook;
}

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
    const { body: requested } = await must(201, lab.key, 'POST', '/v1/contracts', {
      dataset: dataset.id,
      purpose: 'research',
      until,
    });
    expect(requested.state).toBe('requested');
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

    const hook = await listening();
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
    await new Promise((resolve) => setTimeout(resolve, 2000));
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
    const inbox = await listening();
    const { body: asked } = await must(200, app.key, 'PUT', '/v1/me/notices', { webhook: inbox.url });
    expect(asked.secret).toMatch(/^whsec_/);
    const offer = offerOf({ approval: 'automatic', noticeDays: 1 });
    const dataset = await share(bouygues, { offer });
    const contract = await agree(app, dataset.id);
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
    await tickIn(DAY + 120_000);
    const { body: bound } = await must(200, app.key, 'GET', `/v1/contracts/${contract}`);
    expect(bound).toMatchObject({ state: 'active', terms: { minimisation: [noTeacher] } });
    expect(bound.digest).not.toBe(planned.digest);
    await tickIn(DAY + 240_000);
    const pushed = await inbox.until(2);
    const types = pushed.map((one) => (verified(asked.secret, one) as { type: string }).type);
    expect(types).toEqual(['maille.contract.terms-change-planned.v1', 'maille.contract.terms-changed.v1']);
  });
});

describe('the DPO', () => {
  it('refuses a contract, which then ends with the reason that both see', async () => {
    const provider = await admit('school', ['provider']);
    const lab = await admit('lab', ['consumer']);
    const dataset = await share(provider, { offer: offerOf({ approval: 'provider-and-dpo' }) });
    const { body: requested } = await must(201, lab.key, 'POST', '/v1/contracts', {
      dataset: dataset.id,
      purpose: 'research',
    });
    const { body: agreed } = await on(provider, requested.id, 'accept', { digest: requested.digest });
    expect(agreed.state).toBe('agreed');
    const reason = 'the purpose does not need it';
    await must(200, mesh.keys.dpo, 'POST', `/v1/contracts/${requested.id}/reject`, { reason });
    for (const party of [provider, lab]) {
      const { body } = await must(200, party.key, 'GET', `/v1/contracts/${requested.id}`);
      expect(body.history.at(-1)).toMatchObject({ to: 'terminated', reason });
      expect(await noticesOf(party)).toContain('maille.contract.terminated.v1');
    }
  });
});
