import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readTerritory } from '../../infra/territory.ts';

const folderOf = (files: Record<string, unknown>): URL => {
  const folder = mkdtempSync(join(tmpdir(), 'territories-'));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(
      join(folder, `${name}.json`),
      typeof content === 'string' ? content : JSON.stringify(content),
    );
  }
  return pathToFileURL(`${folder}/`);
};

describe('a territory', () => {
  it('is whole with an id and a name, and in production unless it says otherwise', () => {
    const read = readTerritory('here', folderOf({ here: { id: 'here', name: 'Here' } }));
    expect(read).toMatchObject({
      stage: 'production',
      privateWebhooks: false,
      ruleSettling: 'PT2M',
      buses: 1,
      webhookPorts: [443, 8443],
    });
  });

  it('takes what it does not say from the one that it extends', () => {
    const folder = folderOf({
      here: { id: 'here', name: 'Here', webhookTimeout: 'PT9S' },
      'here.local': { extends: 'here', stage: 'development' },
    });
    expect(readTerritory('here.local', folder)).toMatchObject({
      id: 'here',
      stage: 'development',
      webhookTimeout: 'PT9S',
    });
  });

  it('says each thing that is wrong, with its path', () => {
    const folder = folderOf({
      here: { id: 'Here!', name: 'Here', retryWaits: ['PT1S', 'soon'], colour: 'blue' },
    });
    expect(() => readTerritory('here', folder)).toThrow(
      /territories\/here\.json is not valid:[\s\S]*\/id [\s\S]*\/retryWaits\/1 must be an ISO 8601 duration[\s\S]*colour/,
    );
  });

  it.each([
    ['a name that is not there', {}, 'nowhere', /no territories\/nowhere\.json. Territories here: /],
    ['text that is not JSON', { here: '{' }, 'here', /is not valid/],
    ['a circle', { a: { extends: 'b' }, b: { extends: 'a' } }, 'a', /a → b → a/],
    [
      'an id that is too long for the names',
      { here: { id: 'a'.repeat(20), name: 'x' } },
      'here',
      /at most 19/,
    ],
    [
      'what verdicts rest on, older than the promise on revocation allows',
      { here: { id: 'here', name: 'x', verdictFreshness: 'PT2.5S' } },
      'here',
      /\/verdictFreshness must be at most PT2S/,
    ],
    [
      'a freshness that is no duration',
      { here: { id: 'here', name: 'x', verdictFreshness: 'soon', reconcileEvery: 'late' } },
      'here',
      /\/verdictFreshness must be an ISO 8601 duration/,
    ],
    ['an id that could be a bus of another', { here: { id: 'rennes-2', name: 'x' } }, 'here', /-<number>/],
  ])('is refused: %s', (_, files, name, message) => {
    expect(() => readTerritory(name, folderOf(files))).toThrow(message);
  });

  it.each(['la-rochelle', 'la-rochelle.local', 'test'])('%s stands', (name) => {
    expect(() => readTerritory(name)).not.toThrow();
  });

  it('lets no webhook reach a private address in production', () => {
    expect(readTerritory('la-rochelle')).toMatchObject({ stage: 'production', privateWebhooks: false });
  });
});
