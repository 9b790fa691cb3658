import type { DatasetRequest } from '../../../schemas/dataset.ts';
import { CAR_PARK_TYPE } from '../feeds/car-parks.ts';
import { point } from './geojson.ts';

const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'OffStreetParking',
  description:
    'Free places of one car park at one moment, in the key-values form of the smart data model OffStreetParking (CC-BY-4.0).',
  type: 'object',
  properties: {
    id: { type: 'string', format: 'uri', description: 'The car park, as an NGSI-LD entity.' },
    type: { const: 'OffStreetParking' },
    name: { type: 'string', minLength: 1 },
    location: point,
    totalSpotNumber: { type: 'integer', minimum: 0, description: 'Places in all.' },
    availableSpotNumber: { type: 'integer', minimum: 0, description: 'Free places.' },
    observationDateTime: { type: 'string', format: 'date-time' },
  },
  required: [
    'id',
    'type',
    'name',
    'location',
    'totalSpotNumber',
    'availableSpotNumber',
    'observationDateTime',
  ],
  additionalProperties: false,
};

/** Free places in La Rochelle's car parks: open data, a contract is made at once. */
export const parkings: DatasetRequest = {
  title: { fr: 'Places de stationnement', en: 'Car-park places' },
  description: {
    fr: "Places libres des parkings de La Rochelle : historique réel de janvier 2017, rejoué dans l'ordre de sa source, répétitions et désordre compris.",
    en: 'Free places in the car parks of La Rochelle: the real history of January 2017, replayed in the order of its source, repeats and disorder included.',
  },
  theme: 'transport',
  keywords: ['stationnement', 'parking', 'mobilité'],
  licence: 'etalab-2.0',
  access: 'open',
  personalData: false,
  retentionDays: 30,
  offer: { purposes: ['information', 'supervision'], minimisation: [], approval: 'automatic' },
  types: [{ type: CAR_PARK_TYPE, schema, compatibility: 'backward' }],
};
