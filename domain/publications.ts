import type { Publication } from '../schemas/notice.ts';
import type { Page, PageRequest, Registry } from './ports.ts';

/** What the SDK door refused of a participant's, newest first. */
export const listPublications = (
  registry: Pick<Registry, 'list'>,
  participant: string,
  page: PageRequest,
): Promise<Page<Publication>> => registry.list('publicationsOfParticipant', { participant }, page);
