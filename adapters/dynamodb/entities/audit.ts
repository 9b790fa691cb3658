import { Entity } from 'electrodb';
import { byId, kept, model, selector, shelf } from './shape.ts';

/** Audit entries, as their day, who acted and what was acted on list them. */
export const audits = new Entity({
  model: model('audit'),
  attributes: { ...kept, day: selector, participant: selector, about: selector },
  indexes: {
    byId: byId('audit'),
    ofDay: shelf('auditOfDay', ['day']),
    ofParticipant: shelf('auditOfParticipant', ['participant']),
    ofThing: shelf('auditOfThing', ['about']),
  },
});
