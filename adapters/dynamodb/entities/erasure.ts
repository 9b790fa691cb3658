import { Entity } from 'electrodb';
import { byId, kept, model, selector, shelf } from './shape.ts';

/** Erasures, as their dataset lists them, and those that are not done. */
export const erasures = new Entity({
  model: model('erasure'),
  attributes: { ...kept, dataset: selector },
  indexes: {
    byId: byId('erasure'),
    ofDataset: shelf('erasuresOfDataset', ['dataset']),
    open: shelf('erasuresOpen', []),
  },
});
