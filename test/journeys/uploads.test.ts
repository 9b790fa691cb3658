import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { admit, agree, ask, eventually, must, pair, receiver, share, subscribe, verified } from './world.ts';

const { provider, consumer, dataset } = await pair({
  offer: {
    purposes: ['research'],
    approval: 'automatic',
    minimisation: [{ clause: 'no-teacher', do: 'drop', path: '/data/teacher' }],
  },
});

const begins = async (file: Buffer, contentType: string, of = dataset) => {
  const declared = {
    dataset: of.id,
    type: of.type,
    contentType,
    bytes: file.length,
    sha256: createHash('sha256').update(file).digest('hex'),
  };
  return (await must(201, provider.key, 'POST', '/v1/uploads', declared)).body;
};
const puts = async ({ put }: { put: { url: string; headers: Record<string, string> } }, file: Buffer) =>
  (await fetch(put.url, { method: 'PUT', headers: put.headers, body: new Uint8Array(file) })).status;
const completes = async ({ id }: { id: string }) =>
  (await must(200, provider.key, 'POST', `/v1/uploads/${id}/complete`)).body;
const visit = (url: string, key: string) =>
  fetch(url, { redirect: 'manual', headers: { authorization: `Bearer ${key}` } });

describe('an upload', () => {
  it('of JSON larger than HTTPS takes reaches its consumer as a link to what its contract leaves', async () => {
    const hook = await receiver();
    const { secret } = await subscribe(consumer, await agree(consumer, dataset.id), {
      kind: 'webhook',
      url: hook.url,
    });
    const data = { co2: 812, room: 'x'.repeat(6_000_000), teacher: 'Curie' };
    const file = Buffer.from(JSON.stringify(data));
    const upload = await begins(file, 'application/json');
    expect(upload).toMatchObject({ id: expect.stringMatching(/^upl_/), state: 'waiting' });
    expect(await puts(upload, file)).toBe(200);
    expect(await completes(upload)).toMatchObject({ state: 'accepted', event: { id: upload.id } });
    expect((await must(200, provider.key, 'GET', `/v1/uploads/${upload.id}`)).body.state).toBe('accepted');
    const [request] = await hook.until(1);
    const told = verified(secret, request!) as { dataref: string };
    expect(told).toMatchObject({ id: upload.id, dataref: expect.stringContaining('/v1/payloads/') });
    const answer = await visit(told.dataref, consumer.key);
    expect(answer.status).toBe(303);
    const seen = await fetch(answer.headers.get('location') ?? '');
    expect(await seen.json()).toEqual({ co2: 812, room: data.room });
    const notices = (await must(200, provider.key, 'GET', '/v1/notices')).body.items;
    expect(notices[0]).toMatchObject({ type: 'maille.upload.accepted.v1', subject: upload.id });
  });

  it('of bytes, put in parts, is fetched as they are, where no clause would have to reach into them', async () => {
    const open = await share(provider);
    const contract = await agree(consumer, open.id);
    const file = randomBytes(8_000_000);
    const upload = await begins(file, 'application/pdf', open);
    expect(upload).toMatchObject({ parts: { bytes: 5_242_880, count: 2 } });
    const parts = (await must(200, provider.key, 'GET', `/v1/uploads/${upload.id}/parts`)).body.items;
    expect(parts).toHaveLength(2);
    expect(await puts(parts[0], file.subarray(0, 5_242_880))).toBe(200);
    expect((await ask(provider.key, 'POST', `/v1/uploads/${upload.id}/complete`)).status).toBe(409);
    expect(await puts(parts[1], file.subarray(5_242_880))).toBe(200);
    expect((await completes(upload)).state).toBe('accepted');
    const path = `/v1/datasets/${open.id}/events?contract=${contract}`;
    const { dataref, datasha256 } = await eventually(async () => {
      const { items } = (await must(200, consumer.key, 'GET', path)).body;
      expect(items).toHaveLength(1);
      return items[0];
    });
    const answer = await visit(dataref, consumer.key);
    const seen = await fetch(answer.headers.get('location') ?? '');
    expect(seen.headers.get('content-type')).toBe('application/pdf');
    const digest = createHash('sha256')
      .update(Buffer.from(await seen.arrayBuffer()))
      .digest('hex');
    expect(digest).toBe(datasha256);
    expect(digest).toBe(createHash('sha256').update(file).digest('hex'));
  });

  it('of rows becomes those that obey the schema, and a report of the others', async () => {
    const contract = await agree(consumer, dataset.id);
    for (const [contentType, text] of [
      ['application/x-ndjson', '{"co2":612,"teacher":"Curie"}\n{"co2":"high"}\n{"co2":7}\n'],
      ['text/csv', 'co2,teacher\n612,Curie\nhigh,\n7,\n'],
    ] as const) {
      const file = Buffer.from(text);
      const upload = await begins(file, contentType);
      expect(await puts(upload, file)).toBe(200);
      expect(await completes(upload)).toMatchObject({ state: 'accepted', rows: { accepted: 2, refused: 1 } });
      const { rows } = (await must(200, provider.key, 'GET', `/v1/uploads/${upload.id}`)).body;
      const report = JSON.parse(await (await fetch(rows.report)).text());
      expect(report).toMatchObject({ row: 2, errors: [{ path: '/data/co2' }] });
      const path = `/v1/datasets/${dataset.id}/events?contract=${contract}`;
      const { dataref } = await eventually(async () => {
        const { items } = (await must(200, consumer.key, 'GET', path)).body;
        const own = items.filter(({ id }: { id: string }) => id === upload.id);
        expect(own).toHaveLength(1);
        return own[0];
      });
      const answer = await visit(dataref, consumer.key);
      const seen = await fetch(answer.headers.get('location') ?? '');
      expect(await seen.text()).toBe('{"co2":612}\n{"co2":7}\n');
    }
  });

  it.each([
    [
      'application/x-ndjson',
      '',
      (row: number) => `{"co2":${row === 7 ? '"high"' : 400 + row / 100},"teacher":"Marie Curie"}\n`,
    ],
    [
      'text/csv',
      'co2,teacher\r\n',
      (row: number) => `${row === 7 ? 'high' : 400 + row / 100},Marie Curie\r\n`,
    ],
  ])(
    'of %s that is large is put in parts and becomes several events, of every row once',
    async (contentType, head, line) => {
      const contract = await agree(consumer, dataset.id);
      const rows = Array.from(
        { length: contentType === 'text/csv' ? 90_000 : 180_000 },
        (_, index) => index + 1,
      );
      const file = Buffer.from(head + rows.map(line).join(''));
      const upload = await begins(file, contentType);
      if (upload.parts) {
        const parts = (await must(200, provider.key, 'GET', `/v1/uploads/${upload.id}/parts`)).body.items;
        const etags = [];
        for (const { part, bytes, put } of parts) {
          const from = (part - 1) * upload.parts.bytes;
          const body = new Uint8Array(file.subarray(from, from + bytes));
          const answer = await fetch(put.url, { method: 'PUT', headers: put.headers, body });
          etags.push({ part, etag: answer.headers.get('etag') ?? '' });
        }
        await must(200, provider.key, 'POST', `/v1/uploads/${upload.id}/complete`, { parts: etags });
      } else {
        expect(await puts(upload, file)).toBe(200);
        await completes(upload);
      }
      // Each call reads a little and the next one goes on, as the clock's would.
      const ended = await eventually(async () => {
        const now = await completes(upload);
        expect(now.state).not.toBe('checking');
        return now;
      });
      expect(ended).toMatchObject({ state: 'accepted', rows: { accepted: rows.length - 1, refused: 1 } });
      expect(ended.events).toBeGreaterThan(2);
      const seen: string[] = [];
      const items = await eventually(async () => {
        const path = `/v1/datasets/${dataset.id}/events?contract=${contract}&limit=200`;
        const all = (await must(200, consumer.key, 'GET', path)).body.items;
        const own = all.filter(({ id }: { id: string }) => id.startsWith(upload.id));
        expect(own).toHaveLength(ended.events);
        return own;
      });
      for (const { dataref } of items) {
        const answer = await visit(dataref, consumer.key);
        seen.push(...(await (await fetch(answer.headers.get('location') ?? '')).text()).trim().split('\n'));
      }
      expect(new Set(seen).size).toBe(rows.length - 1);
      expect(seen).toHaveLength(rows.length - 1);
      expect(seen).toContain('{"co2":400.01}');
      const report = (await (await fetch(ended.rows.report)).text()).trim().split('\n');
      expect(report.map((told) => (JSON.parse(told) as { row: number }).row)).toEqual([7]);
    },
  );

  it('is refused where its schema does not allow it, and where it is not what was declared', async () => {
    const wrong = Buffer.from('{"co2":"high"}');
    const invalid = await begins(wrong, 'application/json');
    await puts(invalid, wrong);
    expect(await completes(invalid)).toMatchObject({
      state: 'refused',
      problem: { errors: [{ path: '/data/co2' }] },
    });
    const other = await begins(Buffer.from('%PDF-1.7'), 'application/pdf');
    // An engine that judges the signature refuses this put itself.
    const status = await puts(other, Buffer.from('%PDF-1.6'));
    const { status: completed, body } = await ask(provider.key, 'POST', `/v1/uploads/${other.id}/complete`);
    if (status === 200)
      expect(body).toMatchObject({ state: 'refused', problem: { errors: [{ path: '/sha256' }] } });
    else expect(completed).toBe(409);
  });

  it('is completed only once something was put, and is nobody else’s; given up it is gone', async () => {
    const file = Buffer.from('%PDF-1.7');
    const upload = await begins(file, 'application/pdf');
    const path = `/v1/uploads/${upload.id}`;
    expect((await ask(provider.key, 'POST', `${path}/complete`)).status).toBe(409);
    const stranger = await admit('stranger', ['provider']);
    expect((await ask(stranger.key, 'GET', path)).status).toBe(404);
    await puts(upload, file);
    const large = await begins(randomBytes(7_000_001), 'application/pdf');
    expect((await ask(provider.key, 'DELETE', `/v1/uploads/${large.id}`)).status).toBe(204);
    expect((await ask(provider.key, 'GET', `/v1/uploads/${large.id}/parts`)).status).toBe(409);
    expect((await ask(provider.key, 'DELETE', path)).status).toBe(204);
    expect((await ask(provider.key, 'POST', `${path}/complete`)).status).toBe(409);
    expect((await must(200, provider.key, 'GET', path)).body.state).toBe('cancelled');
  });
});
