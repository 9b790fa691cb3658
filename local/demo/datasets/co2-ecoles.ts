import type { DatasetRequest } from '../../../schemas/dataset.ts';
import { AIR_TYPE } from '../feeds/air.ts';
import { point } from './geojson.ts';

const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'IndoorEnvironmentObserved',
  description:
    'One reading of one room, in the key-values form of the smart data model IndoorEnvironmentObserved (CC-BY-4.0).',
  type: 'object',
  properties: {
    id: { type: 'string', format: 'uri', description: 'The room, as an NGSI-LD entity.' },
    type: { const: 'IndoorEnvironmentObserved' },
    dateObserved: { type: 'string', format: 'date-time' },
    refPointOfInterest: { type: 'string', format: 'uri', description: 'The school.' },
    refDevice: { type: 'string', format: 'uri', description: 'The sensor.' },
    address: {
      type: 'object',
      properties: {
        addressCountry: { type: 'string', minLength: 2, maxLength: 2 },
        postalCode: { type: 'string' },
        addressLocality: { type: 'string' },
        room: { type: 'string', description: 'The class that uses the room.' },
      },
      required: ['addressCountry', 'addressLocality'],
      additionalProperties: false,
    },
    location: point,
    co2: {
      type: 'number',
      minimum: 0,
      maximum: 5000,
      description:
        'CO2 in ppm, the unit of the sensors (0 to 5000 by décret 2012-14); the model nominally says mg/l.',
    },
    temperature: { type: 'number', minimum: -40, maximum: 60, description: 'Degrees Celsius.' },
    relativeHumidity: { type: 'number', minimum: 0, maximum: 1, description: 'A share: 1 is saturated.' },
    illuminance: { type: 'number', minimum: 0, description: 'Lux.' },
    occupied: { type: 'boolean', description: 'Whether somebody is in the room.' },
  },
  required: ['id', 'type', 'dateObserved', 'location', 'co2'],
  additionalProperties: false,
};

/**
 * CO2 in the classrooms of a school. The presence of children can be read out of CO2 curves: personal data, so each
 * request waits for the provider, and nobody gets `occupied`.
 */
export const co2Ecoles: DatasetRequest = {
  title: { fr: 'CO2 dans les écoles', en: 'CO2 in schools' },
  description: {
    fr: "Relevés de CO2 par salle de classe de l'école de Saint-Christophe. La présence des enfants se lit dans une courbe de CO2 : ce sont des données personnelles.",
    en: 'CO2 readings for each classroom of the Saint-Christophe school. The presence of children can be read out of a CO2 curve: these are personal data.',
  },
  theme: 'environment',
  keywords: ['co2', 'air', 'école', 'bâtiments durables'],
  licence: 'CC-BY-4.0',
  access: 'shared',
  personalData: true,
  retentionDays: 30,
  offer: {
    purposes: ['airing', 'supervision', 'research'],
    minimisation: [{ clause: 'no-presence', do: 'drop', path: '/data/occupied' }],
    durationDays: 365,
    noticeDays: 30,
    approval: 'provider',
  },
  types: [{ type: AIR_TYPE, schema, compatibility: 'backward' }],
};
