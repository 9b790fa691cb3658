import { Entity } from 'electrodb';
import { byId, kept, model, selector, shelf } from './shape.ts';

/** Contracts, as both parties and their dataset list them. */
export const contracts = new Entity({
  model: model('contract'),
  attributes: {
    ...kept,
    provider: selector,
    consumer: selector,
    dataset: selector,
    state: selector,
    /** The next date and the id. */
    due: { type: 'string' },
    /** The dataset and the id. */
    ofDatasetInState: { type: 'string' },
  },
  indexes: {
    byId: byId('contract'),
    ofProvider: shelf('contractsOfProvider', ['provider']),
    ofConsumer: shelf('contractsOfConsumer', ['consumer']),
    ofDataset: shelf('contractsOfDataset', ['dataset']),
    ofProviderInState: shelf('contractsOfProviderInState', ['provider', 'state']),
    ofConsumerInState: shelf('contractsOfConsumerInState', ['consumer', 'state']),
    inState: shelf('contractsInState', ['state'], 'ofDatasetInState'),
    due: shelf('contractsDue', [], 'due'),
  },
});
