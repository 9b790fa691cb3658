import type { ParticipantRequest } from '../../schemas/participant.ts';

/** The territory that the demonstration plays in. */
export const TERRITORY = 'la-rochelle';

const contact = (id: string) => ({ name: 'Démonstration', email: `${id}@example.org` });

const participant = (
  id: string,
  name: string,
  ...roles: ParticipantRequest['roles']
): ParticipantRequest => ({
  id,
  name,
  roles,
  contact: contact(id),
});

/** Who takes part. Real partners and their kind lend their names; nothing here speaks for them. */
export const PARTICIPANTS = {
  atmo: participant('atmo', 'Atmo Nouvelle-Aquitaine', 'provider'),
  bouygues: participant('bouygues', 'Bouygues', 'provider'),
  mobility: participant('mobilite-cda', "Service mobilité de l'agglomération de La Rochelle", 'provider'),
  app: participant('au-bout-des-doigts', 'La Rochelle au bout des doigts', 'consumer'),
  dashboard: participant('tableau-de-bord', "Tableau de bord de l'agglomération", 'consumer'),
  lab: participant('labo-lienss', "Laboratoire de recherche (qualité de l'air)", 'consumer'),
} as const;

/** The `source` of a participant's feed: its own, or a path below it. */
export const sourceOf = (participant: string, path = ''): string =>
  `//${TERRITORY}/${participant}${path && `/${path}`}`;
