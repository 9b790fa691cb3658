import { Entity } from 'electrodb';
import { byId, kept, model, shelf } from './shape.ts';

/** Uploads; those that may still have something in the bucket that is no event's are listed. */
export const uploads = new Entity({
  model: model('upload'),
  attributes: { ...kept },
  indexes: { byId: byId('upload'), unswept: shelf('uploadsUnswept', []) },
});
