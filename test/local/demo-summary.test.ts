import { expect, test } from 'vitest';
import { sayingOf } from '../../local/demo/consumers.ts';
import { AIR_TYPE } from '../../local/demo/feeds/air.ts';
import { CAR_PARK_TYPE } from '../../local/demo/feeds/car-parks.ts';
import { BUILDING_TYPE } from '../../local/demo/feeds/rsee.ts';
import { summaryOf } from '../../local/demo/summary.ts';

test.each([
  [
    AIR_TYPE,
    { id: 'urn:ngsi-ld:IndoorEnvironmentObserved:ecole-saint-christophe-ce2', co2: 1013.75 },
    'CE2: 1014 ppm CO2',
  ],
  [AIR_TYPE, { id: 'ps_AbC-dEfGhIjK', co2: 700 }, 'ps_AbC-d: 700 ppm CO2'],
  [CAR_PARK_TYPE, { name: 'Encan', availableSpotNumber: 0, totalSpotNumber: 430 }, 'Encan: 0 of 430 free'],
  [CAR_PARK_TYPE, {}, '?: ? of ? free'],
  [
    BUILDING_TYPE,
    { building: { name: 'École' }, indicators: { icConstruction: { value: 602.426, max: 531 } } },
    'École: Ic 602.426 of 531',
  ],
  ['maille.test.v1', { any: 1 }, 'maille.test.v1'],
  [AIR_TYPE, undefined, AIR_TYPE],
])('%s in a few words', (type, data, words) => {
  expect(summaryOf(type, data)).toBe(words);
});

test.each([
  ['deliver', 'contract.terms', 'deliver: contract.terms'],
  ['redact', 'minimisation.no-permit', 'redact: no-permit'],
  ['redact', 'minimisation.no-permit+no-street', 'redact: no-permit+no-street'],
  ['redact', 'minimisation.a+b+c+d', 'redact: a and 3 more'],
  ['withhold', 'contract.state=suspended', 'withhold: contract.state=suspended'],
] as const)('the contract said %s by %s', (verdict, clause, words) => {
  expect(sayingOf({ verdict, clause })).toBe(words);
});
