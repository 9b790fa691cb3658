import { Entity } from 'electrodb';
import { byId, kept, model, selector, shelf } from './shape.ts';

/** Notices, as their participant lists them, and an erasure those that tell of it. */
export const notices = new Entity({
  model: model('notice'),
  attributes: { ...kept, participant: selector, subject: selector },
  indexes: {
    byId: byId('notice'),
    ofParticipant: shelf('noticesOfParticipant', ['participant']),
    ofErasure: shelf('noticesOfErasure', ['subject']),
  },
});

/** The ways on which notices are pushed. */
export const channels = new Entity({
  model: model('channel'),
  attributes: kept,
  indexes: { byId: byId('channel'), all: shelf('channels', []) },
});

/** Publications that were refused, as their publisher lists them. */
export const publications = new Entity({
  model: model('publication'),
  attributes: { ...kept, participant: selector },
  indexes: { byId: byId('publication'), ofParticipant: shelf('publicationsOfParticipant', ['participant']) },
});
