import { Entity } from 'electrodb';
import { byId, kept, model, selector, shelf } from './shape.ts';

/** Datasets, as the territory, their provider and the register list them. */
export const datasets = new Entity({
  model: model('dataset'),
  attributes: { ...kept, provider: selector },
  indexes: {
    byId: byId('dataset'),
    all: shelf('datasets', []),
    toAnnounce: shelf('datasetsToAnnounce', []),
    ofProvider: shelf('datasetsOfProvider', ['provider']),
    withPersonalData: shelf('datasetsWithPersonalData', []),
  },
});

/** Schema versions, as their type lists them. */
export const schemas = new Entity({
  model: model('schema'),
  attributes: { ...kept, dataset: selector, type: selector },
  indexes: { byId: byId('schema'), ofType: shelf('schemasOfType', ['dataset', 'type']) },
});

/** Changes of schemas that are announced. */
export const plans = new Entity({
  model: model('schemaPlan'),
  attributes: kept,
  indexes: { byId: byId('schemaPlan'), all: shelf('schemaPlans', []) },
});
