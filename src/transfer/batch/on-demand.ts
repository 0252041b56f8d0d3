/** What only a batch needs is loaded by its first call, as in `auth/on-demand.ts`. */

/** Reads a list of jobs; see `list.ts`. */
export const readJobs: typeof import('./list.ts').readJobs = async (...args) =>
  (await import('./list.ts')).readJobs(...args)
