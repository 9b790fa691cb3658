import { Entity } from 'electrodb';
import { byId, kept, model, selector, shelf } from './shape.ts';

/** Participants. */
export const participants = new Entity({
  model: model('participant'),
  attributes: kept,
  indexes: { byId: byId('participant'), all: shelf('participants', []) },
});

/** API keys, as their participant lists them, and those of DPOs. */
export const keys = new Entity({
  model: model('key'),
  attributes: { ...kept, participant: selector },
  indexes: {
    byId: byId('key'),
    ofParticipant: shelf('keysOfParticipant', ['participant']),
    ofDpos: shelf('keysOfDpos', []),
  },
});
