/** The `source` under which accepted events travel on the shared buses. */
export const BUS_SOURCE = 'maille';
