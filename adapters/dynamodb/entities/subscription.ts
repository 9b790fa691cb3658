import { Entity } from 'electrodb';
import { byId, kept, model, selector, shelf } from './shape.ts';

/** Subscriptions, as the territory, their consumer and their contract list them, and those that the clock has to look after. */
export const subscriptions = new Entity({
  model: model('subscription'),
  attributes: { ...kept, consumer: selector, contract: selector },
  indexes: {
    byId: byId('subscription'),
    all: shelf('subscriptions', []),
    ofConsumer: shelf('subscriptionsOfConsumer', ['consumer']),
    ofContract: shelf('subscriptionsOfContract', ['contract']),
    toTend: shelf('subscriptionsToTend', []),
  },
});
