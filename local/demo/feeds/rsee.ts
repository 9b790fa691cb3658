import { XMLParser } from 'fast-xml-parser';
import type { CloudEvent } from '../../../events/cloudevent.ts';

/** The CloudEvents type of one building's indicators. */
export const BUILDING_TYPE = 'fr.re2020.BuildingIndicators.v1';

const COLLECTIONS = new Set([
  'batiment',
  'Sortie_Batiment_B',
  'Sortie_Batiment_C',
  'Sortie_Batiment_D',
  'Sortie_Groupe_D',
]);
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  parseAttributeValue: false,
  isArray: (name) => COLLECTIONS.has(name),
});

/** Parsed XML: texts, elements by name, or the elements of a collection. */
type Node = string | Node[] | { [name: string]: Node } | undefined;

/** One event per building of an RSEE (the RE2020 study's XML); `study` names the file and, with the index, the event. */
export function rseeEvents(source: string, study: string, xml: string): CloudEvent[] {
  const project = at(parser.parse(xml) as Node, 'projet');
  const general = at(project, 'Datas_Comp/donnees_generales');
  return list(at(project, 'RSEnv/sortie_projet/batiment')).map((building) => {
    const index = text(building, 'index');
    return {
      specversion: '1.0',
      id: `${study}-${index}`,
      source,
      type: BUILDING_TYPE,
      subject: `${study}/${index}`,
      time: `${text(general, 'logiciel/date_etude')}T00:00:00Z`,
      datacontenttype: 'application/json',
      data: buildingData(project, building, index),
    };
  });
}

function buildingData(project: Node, building: Node, index: string): Record<string, unknown> {
  const operation = at(project, 'Datas_Comp/donnees_generales/operation');
  const entry = list(at(project, 'RSEnv/entree_projet/batiment')).find((one) => text(one, 'index') === index);
  const indicators = {
    ...energy(at(project, 'RSET/Sortie_Projet'), index),
    ...carbon(at(building, 'indicateur_perf_env')),
  };
  return {
    rseeVersion: text(project, '@version'),
    phase: Number(text(project, 'RSEnv/@phase')),
    operation: {
      name: text(operation, 'nom'),
      permit: text(operation, 'num_permis'),
      address: text(operation, 'adresse/label'),
      postcode: text(operation, 'adresse/postcode'),
      city: text(operation, 'adresse/city'),
      climateZone: text(operation, 'zone_climatique'),
    },
    building: {
      index: Number(index),
      name: text(entry, 'nom'),
      floorArea: { value: number(entry, 'sref'), unit: 'm²' },
    },
    indicators,
    carbonCompliant: indicators.icConstruction.compliant && indicators.icEnergie.compliant,
  };
}

/** The energy indicators of one building, from the RSET; `dh` is the group nearest to, or furthest over, its maximum. */
function energy(rset: Node, index: string) {
  const of = (letter: string): Node =>
    list(at(rset, `Sortie_Batiment_${letter}_Collection/Sortie_Batiment_${letter}`)).find(
      (one) => text(one, 'Index') === index,
    );
  const [bbio, cep] = [of('B'), of('C')];
  const groups = list(
    at(of('D'), 'Sortie_Zone_D_Collection/Sortie_Zone_D/Sortie_Groupe_D_Collection/Sortie_Groupe_D'),
  );
  const discomfort = groups
    .map((group) => limited(number(group, 'O_NbDegresHeures'), number(group, 'O_NbDegresHeures_max'), '°C·h'))
    .toSorted((one, other) => other.value / other.max - one.value / one.max)[0];
  return {
    bbio: limited(number(bbio, 'O_Bbio_pts_annuel'), number(bbio, 'O_Bbio_Max'), 'points'),
    cep: limited(number(cep, 'O_Cep_annuel'), number(cep, 'O_Cep_Max'), 'kWhep/(m²·an)'),
    cepNr: limited(number(cep, 'O_Cep_nr_annuel'), number(cep, 'O_Cep_nr_Max'), 'kWhep/(m²·an)'),
    ...(discomfort && { dh: discomfort }),
  };
}

/** The carbon indicators of one building, from the RSEnv; over 50 years. */
function carbon(perf: Node) {
  return {
    icConstruction: limited(
      number(perf, 'ic_construction'),
      number(perf, 'ic_construction_max'),
      'kg CO2 eq/m²',
    ),
    icEnergie: limited(number(perf, 'ic_energie'), number(perf, 'ic_energie_max'), 'kg CO2 eq/m²'),
    stockC: { value: number(perf, 'stock_c_batiment'), unit: 'kg C/m²' },
    udd: { value: number(perf, 'udd'), unit: '1' },
  };
}

const limited = (value: number, max: number, unit: string) => ({ value, max, unit, compliant: value <= max });

/** What stands at a path of element names; undefined where there is nothing. */
function at(node: Node, path: string): Node {
  return path
    .split('/')
    .reduce<Node>(
      (here, name) => (here && typeof here === 'object' && !Array.isArray(here) ? here[name] : undefined),
      node,
    );
}

const list = (node: Node): Node[] => (Array.isArray(node) ? node : []);

/** The text at a path; throws a `RangeError` when there is none. */
function text(node: Node, path: string): string {
  const found = at(node, path);
  if (typeof found !== 'string') throw new RangeError(`the RSEE has no ${path}`);
  return found;
}

/** The number at a path; throws a `RangeError` when there is none. */
function number(node: Node, path: string): number {
  const written = text(node, path);
  const value = Number(written);
  if (written.trim() === '' || !Number.isFinite(value))
    throw new RangeError(`${path} is no number: ${written}`);
  return value;
}
