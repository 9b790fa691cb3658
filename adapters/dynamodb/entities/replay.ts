import { Entity } from 'electrodb';
import { byId, kept, model, selector, shelf } from './shape.ts';

/** Replays, as their subscription lists them, and those that run. */
export const replays = new Entity({
  model: model('replay'),
  attributes: { ...kept, subscription: selector },
  indexes: {
    byId: byId('replay'),
    ofSubscription: shelf('replaysOfSubscription', ['subscription']),
    running: shelf('replaysRunning', []),
  },
});
