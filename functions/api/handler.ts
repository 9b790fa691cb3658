import { httpFunction } from '../chain.ts';
import { dispatcher } from './dispatch.ts';
import { environment } from './environment.ts';
import { ROUTES } from './routes.ts';
import { wired } from './wiring.ts';

/** Every route but those of publishing and pulling. */
export const handler = httpFunction('api', () => dispatcher(wired(environment(process.env)), ROUTES));
