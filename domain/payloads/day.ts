/** The day on which data is forgotten, as its name says: `until/{day}/…`. */
export const dayOfPayload = (name: string): string => name.split('/')[1] ?? '';

/** Until when the bucket keeps what has this name, in epoch seconds: the day in it is the last. */
export const keptUntil = (name: string): number => Date.parse(dayOfPayload(name)) / 1000 + 86_400;
