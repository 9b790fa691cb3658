import { Entity } from 'electrodb';
import { byId, kept, model, selector, shelf } from './shape.ts';

/** Datasets, as the territory and their provider list them. */
export const datasets = new Entity({
  model: model('dataset'),
  attributes: { ...kept, provider: selector },
  indexes: {
    byId: byId('dataset'),
    all: shelf('datasets', []),
    ofProvider: shelf('datasetsOfProvider', ['provider']),
  },
});

/** Schema versions, as their type lists them. */
export const schemas = new Entity({
  model: model('schema'),
  attributes: { ...kept, dataset: selector, type: selector },
  indexes: { byId: byId('schema'), ofType: shelf('schemasOfType', ['dataset', 'type']) },
});
