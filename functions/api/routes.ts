import { auditRoutes } from './audit.ts';
import { contractRoutes } from './contracts.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { datasetRoutes } from './datasets.ts';
import { evolutionRoutes } from './evolution.ts';
import { evidenceRoutes } from './evidence.ts';
import { explainRoutes } from './explain.ts';
import { historyRoutes } from './history.ts';
import { participantRoutes } from './participants.ts';
import { personalDataRoutes } from './personal-data.ts';
import type { Route } from './route.ts';
import { subscriptionRoutes } from './subscriptions.ts';
import { uploadRoutes } from './uploads.ts';
import { usageRoutes } from './usage.ts';

/** Every route that `api` answers. */
export const ROUTES: readonly Route[] = [
  ...participantRoutes,
  ...datasetRoutes,
  ...evolutionRoutes,
  ...historyRoutes,
  ...uploadRoutes,
  ...contractRoutes,
  ...subscriptionRoutes,
  ...usageRoutes,
  ...explainRoutes,
  ...evidenceRoutes,
  ...auditRoutes,
  ...personalDataRoutes,
  ...deadLetterRoutes,
];
