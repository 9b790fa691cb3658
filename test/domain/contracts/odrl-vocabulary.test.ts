import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import jsonld from 'jsonld';
import { describe, expect, test } from 'vitest';
import { DOCUMENTS } from '../../../domain/contracts/document.ts';
import { NAMESPACE, OWN_TERMS, profileDocument } from '../../../domain/contracts/odrl-profile.ts';
import { JUDGED } from './judged.ts';

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../fixtures/odrl', name), 'utf8');
const context = JSON.parse(fixture('odrl.jsonld')) as object;
const documentLoader = async (url: string) => {
  if (url !== 'http://www.w3.org/ns/odrl.jsonld') throw new Error(`nothing else is loaded: ${url}`);
  return { contextUrl: null, documentUrl: url, document: context };
};

const ODRL = 'http://www.w3.org/ns/odrl/2/';
const RDF = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#';
type Triple = [subject: string, predicate: string, object: string];
const triplesOf = (text: string): Triple[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, subject = '', predicate = '', object = ''] = /^(\S+) <(\S+)> (.*?) \.$/.exec(line) ?? [];
      return [subject, predicate, object];
    });
const iri = (node: string): string => node.replace(/^<(.*)>$/, '$1');

/** The classes of each term: of W3C's vocabulary, and of the profile. */
async function classes(): Promise<Map<string, Set<string>>> {
  const told = new Map<string, Set<string>>();
  const profile = await triples(profileDocument());
  for (const [subject, predicate, object] of [...triplesOf(fixture('types.nt')), ...profile]) {
    if (predicate !== `${RDF}type`) continue;
    told.set(iri(subject), (told.get(iri(subject)) ?? new Set()).add(iri(object)));
  }
  return told;
}

/** A document as its graph; safe mode fails on whatever a processor would leave out. */
async function triples(document: object): Promise<Triple[]> {
  const options = { documentLoader, safe: true, format: 'application/n-quads' } as never;
  return triplesOf(String(await jsonld.toRDF(document as jsonld.JsonLdDocument, options)));
}

/** What stands after a predicate has to be of a class. */
const RANGES: Record<string, string> = {
  [`${ODRL}leftOperand`]: `${ODRL}LeftOperand`,
  [`${ODRL}operator`]: `${ODRL}Operator`,
  [`${ODRL}conflict`]: `${ODRL}ConflictTerm`,
  [`${RDF}value`]: `${ODRL}Action`,
};

describe('each term of an agreement is one of W3C’s ODRL vocabulary, or is defined in the profile', () => {
  test.each(Object.entries(JUDGED))('with %s', async (_, source) => {
    const known = await classes();
    const graph = await triples(JSON.parse(DOCUMENTS['application/ld+json'](source)) as object);
    expect(graph.length).toBeGreaterThan(15);
    for (const [, predicate, object] of graph) {
      if (predicate !== `${RDF}type` && predicate !== `${RDF}value`)
        expect(known.get(predicate), predicate).toContain(`${RDF}Property`);
      const range = RANGES[predicate];
      if (range !== undefined) expect(known.get(iri(object)), `${predicate} ${object}`).toContain(range);
      // An action with a refinement is a node of its own; its rdf:value is then looked at.
      if (predicate === `${ODRL}action` && !object.startsWith('_:'))
        expect(known.get(iri(object)), object).toContain(`${ODRL}Action`);
      if (predicate === `${ODRL}unit` && iri(object).startsWith(NAMESPACE))
        expect(known.has(iri(object)), object).toBe(true);
    }
  });

  test('all terms of the profile are used: by one agreement or another', async () => {
    const graphs = await Promise.all(
      Object.values(JUDGED).map((source) =>
        triples(JSON.parse(DOCUMENTS['application/ld+json'](source)) as object),
      ),
    );
    const named = new Set(graphs.flat().flatMap(([, predicate, object]) => [predicate, iri(object)]));
    const unused = Object.keys(OWN_TERMS).filter((name) => !named.has(NAMESPACE + name));
    expect(unused).toEqual([]);
  });

  test('an agreement has what the information model demands: who grants what to whom', async () => {
    for (const source of Object.values(JUDGED)) {
      const graph = await triples(JSON.parse(DOCUMENTS['application/ld+json'](source)) as object);
      const [uid] =
        graph.find(
          ([, predicate, object]) => predicate === `${RDF}type` && iri(object) === `${ODRL}Agreement`,
        ) ?? [];
      for (const name of ['assigner', 'assignee', 'permission', 'target', 'profile'])
        expect(
          graph.filter(([subject, predicate]) => subject === uid && predicate === ODRL + name),
        ).toHaveLength(1);
    }
  });
});
